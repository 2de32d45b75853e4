/* wolfSSL (Debian's 5.5.4, built without DTLS 1.3) as a DTLS judge: program client|server PORT CERT KEY MTU.
   What it hears goes to stdout; it says a line every 100 ms once it is connected. */
#include <wolfssl/options.h>
#include <wolfssl/ssl.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

static void die(const char *what, WOLFSSL *ssl, int result) {
    printf("%s: error %d\n", what, ssl ? wolfSSL_get_error(ssl, result) : result);
    fflush(stdout);
    exit(1);
}

int main(int argc, char **argv) {
    if (argc != 6) return 2;
    int is_client = strcmp(argv[1], "client") == 0;
    wolfSSL_Init();
    WOLFSSL_CTX *context = wolfSSL_CTX_new(is_client ? wolfDTLSv1_2_client_method() : wolfDTLSv1_2_server_method());
    if (!context) die("context", NULL, 0);
    if (wolfSSL_CTX_use_certificate_file(context, argv[3], WOLFSSL_FILETYPE_PEM) != WOLFSSL_SUCCESS) die("cert", NULL, 0);
    if (wolfSSL_CTX_use_PrivateKey_file(context, argv[4], WOLFSSL_FILETYPE_PEM) != WOLFSSL_SUCCESS) die("key", NULL, 0);
    /* Asked for in every case; self-signed, so nothing that wolfSSL could verify. */
    wolfSSL_CTX_set_verify(context, WOLFSSL_VERIFY_NONE, NULL);
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t) atoi(argv[2])) };
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int wire = socket(AF_INET, SOCK_DGRAM, 0);
    if (!is_client) {
        if (bind(wire, (struct sockaddr *) &address, sizeof address) != 0) die("bind", NULL, 0);
        char first[2000];
        socklen_t length = sizeof address;
        /* Whoever comes first is the one; the datagram stays for the handshake. */
        if (recvfrom(wire, first, sizeof first, MSG_PEEK, (struct sockaddr *) &address, &length) < 0) die("peek", NULL, 0);
    }
    if (connect(wire, (struct sockaddr *) &address, sizeof address) != 0) die("connect", NULL, 0);
    WOLFSSL *ssl = wolfSSL_new(context);
    wolfSSL_dtls_set_peer(ssl, &address, sizeof address);
    wolfSSL_set_fd(ssl, wire);
    int result = is_client ? wolfSSL_connect(ssl) : wolfSSL_accept(ssl);
    if (result != WOLFSSL_SUCCESS) die("handshake", ssl, result);
    printf("connected: %s %s\n", wolfSSL_get_version(ssl), wolfSSL_get_cipher(ssl));
    fflush(stdout);
    wolfSSL_dtls_set_using_nonblock(ssl, 1);
    struct timeval pause = { .tv_usec = 100000 };
    setsockopt(wire, SOL_SOCKET, SO_RCVTIMEO, &pause, sizeof pause);
    for (;;) {
        char line[2000];
        wolfSSL_write(ssl, "peer says hello\n", 16);
        result = wolfSSL_read(ssl, line, sizeof line);
        if (result > 0) fwrite(line, 1, (size_t) result, stdout);
        fflush(stdout);
        if (result == 0) return 0;
        if (result < 0 && wolfSSL_get_error(ssl, result) != WOLFSSL_ERROR_WANT_READ) die("read", ssl, result);
    }
}
