/* wolfSSL (Debian's 5.5.4, built without DTLS 1.3) as a DTLS judge: program client|server PORT CERT KEY MTU VERSION.
   What it hears goes to stdout; it says a line every 100 ms once it is connected. Its own timer begins anew with each
   datagram and counts in seconds, so the program keeps that of the handshake. */
#include <wolfssl/options.h>
#include <wolfssl/ssl.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

/* Between repetitions of a flight. */
#define REPEAT_MS 300

static void die(const char *what, WOLFSSL *ssl, int result) {
    printf("%s: error %d\n", what, ssl ? wolfSSL_get_error(ssl, result) : result);
    fflush(stdout);
    exit(1);
}

static long now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void wait_for_datagram(int wire, long at_most_ms) {
    struct pollfd readable = { .fd = wire, .events = POLLIN };
    poll(&readable, 1, at_most_ms > 0 ? (int) at_most_ms : 0);
}

/* Asked for in every case; self-signed, so nothing that wolfSSL could verify. */
static int any_certificate(int verified, WOLFSSL_X509_STORE_CTX *chain) {
    (void) verified;
    (void) chain;
    return 1;
}

int main(int argc, char **argv) {
    if (argc != 7) return 2;
    int is_client = strcmp(argv[1], "client") == 0;
    wolfSSL_Init();
    WOLFSSL_CTX *context = wolfSSL_CTX_new(is_client ? wolfDTLSv1_2_client_method() : wolfDTLSv1_2_server_method());
    if (!context) die("context", NULL, 0);
    if (wolfSSL_CTX_use_certificate_file(context, argv[3], WOLFSSL_FILETYPE_PEM) != WOLFSSL_SUCCESS) die("cert", NULL, 0);
    if (wolfSSL_CTX_use_PrivateKey_file(context, argv[4], WOLFSSL_FILETYPE_PEM) != WOLFSSL_SUCCESS) die("key", NULL, 0);
    wolfSSL_CTX_set_verify(context, WOLFSSL_VERIFY_PEER | WOLFSSL_VERIFY_FAIL_IF_NO_PEER_CERT, any_certificate);
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
    wolfSSL_dtls_set_using_nonblock(ssl, 1);
    fcntl(wire, F_SETFL, O_NONBLOCK);
    int result;
    long repeat_at = now_ms() + REPEAT_MS;
    while ((result = is_client ? wolfSSL_connect(ssl) : wolfSSL_accept(ssl)) != WOLFSSL_SUCCESS) {
        if (wolfSSL_get_error(ssl, result) != WOLFSSL_ERROR_WANT_READ) die("handshake", ssl, result);
        wait_for_datagram(wire, repeat_at - now_ms());
        if (now_ms() < repeat_at) continue;
        repeat_at = now_ms() + REPEAT_MS;
        if (wolfSSL_dtls_retransmit(ssl) != 0) die("retransmit", ssl, -1);
    }
    printf("connected: %s %s\n", wolfSSL_get_version(ssl), wolfSSL_get_cipher(ssl));
    fflush(stdout);
    for (;;) {
        char line[2000];
        wolfSSL_write(ssl, "peer says hello\n", 16);
        wait_for_datagram(wire, 100);
        result = wolfSSL_read(ssl, line, sizeof line);
        if (result > 0) fwrite(line, 1, (size_t) result, stdout);
        fflush(stdout);
        if (result == 0) return 0;
        if (result < 0 && wolfSSL_get_error(ssl, result) != WOLFSSL_ERROR_WANT_READ) die("read", ssl, result);
    }
}
