// Pion (Debian's 2.2.6) as a DTLS judge: program client|server PORT CERT KEY MTU VERSION GROUPS.
// What it hears goes to stdout; it says a line every 100 ms once it is connected.
package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/pion/dtls/v2"
)

// The headers of a record and of a handshake message: Pion counts its MTU without them.
const headers = 13 + 12

func check(err error, what string) {
	if err != nil {
		fmt.Printf("%s: %v\n", what, err)
		os.Exit(1)
	}
}

func connect(config *dtls.Config, isClient bool, port int) (net.Conn, error) {
	address := &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}
	if isClient {
		return dtls.Dial("udp", address, config)
	}
	listener, err := dtls.Listen("udp", address, config)
	if err != nil {
		return nil, err
	}
	return listener.Accept()
}

func main() {
	if len(os.Args) != 8 {
		os.Exit(2)
	}
	port, err := strconv.Atoi(os.Args[2])
	check(err, "port")
	mtu, err := strconv.Atoi(os.Args[5])
	check(err, "mtu")
	certificate, err := tls.LoadX509KeyPair(os.Args[3], os.Args[4])
	check(err, "certificate")
	connection, err := connect(&dtls.Config{
		Certificates: []tls.Certificate{certificate},
		CipherSuites: []dtls.CipherSuiteID{
			dtls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
			dtls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
		},
		// Asked for, and whose it is does not matter: fingerprints are the other side's test.
		ClientAuth:           dtls.RequireAnyClientCert,
		InsecureSkipVerify:   true,
		ExtendedMasterSecret: dtls.RequireExtendedMasterSecret,
		FlightInterval:       300 * time.Millisecond,
		MTU:                  mtu - headers,
		ConnectContextMaker: func() (context.Context, func()) {
			return context.WithTimeout(context.Background(), time.Minute)
		},
	}, os.Args[1] == "client", port)
	check(err, "handshake")
	fmt.Println("connected")
	go func() {
		for range time.Tick(100 * time.Millisecond) {
			if _, err := connection.Write([]byte("peer says hello\n")); err != nil {
				return
			}
		}
	}()
	line := make([]byte, 2000)
	for {
		length, err := connection.Read(line)
		check(err, "read")
		os.Stdout.Write(line[:length])
	}
}
