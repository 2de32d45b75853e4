/* wolfSSL as a DTLS judge: program client|server PORT CERT KEY MTU 1.2|1.3 any|GROUP. Compiled twice: with Debian's
   5.5.4, which has neither 1.3 nor an MTU, and with what the crate wolfssl-sys builds.
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

static WOLFSSL_METHOD *method(int is_client, int is_13) {
#ifdef WOLFSSL_DTLS13
    if (is_13) return is_client ? wolfDTLSv1_3_client_method() : wolfDTLSv1_3_server_method();
#endif
    if (is_13) die("this build has no DTLS 1.3", NULL, 0);
    return is_client ? wolfDTLSv1_2_client_method() : wolfDTLSv1_2_server_method();
}

/* The timer of the handshake has run out. */
static int repeat(WOLFSSL *ssl, int is_13) {
#ifdef WOLFSSL_DTLS13
    /* In 1.3 this acknowledges and repeats; the other call repeats only what was scheduled. */
    if (is_13) return wolfSSL_dtls_got_timeout(ssl) == WOLFSSL_SUCCESS;
    return wolfSSL_dtls_retransmit(ssl) == WOLFSSL_SUCCESS;
#else
    (void) is_13;
    return wolfSSL_dtls_retransmit(ssl) == 0;
#endif
}

static void choose_groups(WOLFSSL *ssl, const char *only) {
#ifdef WOLFSSL_DTLS13
    int groups[] = { WOLFSSL_X25519MLKEM768, WOLFSSL_ECC_X25519, WOLFSSL_ECC_SECP256R1, WOLFSSL_ECC_SECP384R1 };
    int first = strcmp(only, "P-256") == 0 ? 2 : 0;
    int count = strcmp(only, "any") == 0 ? 4 : 1;
    int result = wolfSSL_set_groups(ssl, groups + first, count);
    if (result != WOLFSSL_SUCCESS) die("groups", ssl, result);
#else
    (void) ssl;
    (void) only;
#endif
}

static void set_mtu(WOLFSSL *ssl, int mtu) {
#ifdef WOLFSSL_DTLS_MTU
    if (wolfSSL_dtls_set_mtu(ssl, (unsigned short) mtu) != WOLFSSL_SUCCESS) die("mtu", ssl, 0);
#else
    (void) ssl;
    (void) mtu;
#endif
}

int main(int argc, char **argv) {
    if (argc != 8) return 2;
    int is_client = strcmp(argv[1], "client") == 0, is_13 = strcmp(argv[6], "1.3") == 0;
    wolfSSL_Init();
    WOLFSSL_CTX *context = wolfSSL_CTX_new(method(is_client, is_13));
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
    if (!ssl) die("connection", NULL, 0);
    if (is_13) choose_groups(ssl, argv[7]);
    set_mtu(ssl, atoi(argv[5]));
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
        if (!repeat(ssl, is_13)) die("retransmit", ssl, -1);
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
