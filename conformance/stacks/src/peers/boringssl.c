/* BoringSSL, what Chromium speaks, as a DTLS judge: program client|server PORT CERT KEY MTU 1.2|1.3 any|GROUP.
   What it hears goes to stdout; it says a line at least every 100 ms once it is connected. */
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

static void die(const char *what) {
    char text[200] = "no error of the library";
    uint32_t error = ERR_get_error();
    if (error != 0) ERR_error_string_n(error, text, sizeof text);
    printf("%s: %s\n", what, text);
    fflush(stdout);
    exit(1);
}

/* Whose it is does not matter: fingerprints are the other side's test. */
static enum ssl_verify_result_t any_certificate(SSL *ssl, uint8_t *alert) {
    (void) ssl;
    (void) alert;
    return ssl_verify_ok;
}

/* For a datagram, or for a timer of the library, which leaves the waiting to us. */
static void wait_for_something(SSL *ssl, int wire, long at_most_ms) {
    struct timeval left;
    if (DTLSv1_get_timeout(ssl, &left)) {
        long ms = left.tv_sec * 1000 + (left.tv_usec + 999) / 1000;
        if (ms < at_most_ms) at_most_ms = ms;
    }
    struct pollfd readable = { .fd = wire, .events = POLLIN };
    poll(&readable, 1, (int) at_most_ms);
    if (DTLSv1_handle_timeout(ssl) < 0) die("timeout");
}

static int open_wire(int is_client, const char *port) {
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t) atoi(port)) };
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int wire = socket(AF_INET, SOCK_DGRAM, 0);
    if (!is_client) {
        if (bind(wire, (struct sockaddr *) &address, sizeof address) != 0) die("bind");
        char first[2000];
        socklen_t length = sizeof address;
        /* Whoever comes first is the one; the datagram stays for the handshake. */
        if (recvfrom(wire, first, sizeof first, MSG_PEEK, (struct sockaddr *) &address, &length) < 0) die("peek");
    }
    if (connect(wire, (struct sockaddr *) &address, sizeof address) != 0) die("connect");
    fcntl(wire, F_SETFL, O_NONBLOCK);
    return wire;
}

int main(int argc, char **argv) {
    if (argc != 8) return 2;
    int is_client = strcmp(argv[1], "client") == 0, result, error;
    uint16_t version = strcmp(argv[6], "1.3") == 0 ? DTLS1_3_VERSION : DTLS1_2_VERSION;
    SSL_CTX *context = SSL_CTX_new(DTLS_method());
    if (!SSL_CTX_use_certificate_chain_file(context, argv[3])) die("certificate");
    if (!SSL_CTX_use_PrivateKey_file(context, argv[4], SSL_FILETYPE_PEM)) die("key");
    if (!SSL_CTX_set_min_proto_version(context, version) || !SSL_CTX_set_max_proto_version(context, version)) die("version");
    /* In 1.2, which has no hybrid groups, it passes over the first. */
    const char *groups = strcmp(argv[7], "any") == 0 ? "X25519MLKEM768:X25519:P-256:P-384" : argv[7];
    if (!SSL_CTX_set1_groups_list(context, groups)) die("groups");
    SSL_CTX_set_custom_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, any_certificate);

    int wire = open_wire(is_client, argv[2]);
    SSL *ssl = SSL_new(context);
    if (!SSL_set_mtu(ssl, (unsigned) atoi(argv[5])) || !SSL_set_fd(ssl, wire)) die("wire");
    DTLSv1_set_initial_timeout_duration(ssl, 200);
    if (is_client) SSL_set_connect_state(ssl);
    else SSL_set_accept_state(ssl);
    while ((result = SSL_do_handshake(ssl)) != 1) {
        if (SSL_get_error(ssl, result) != SSL_ERROR_WANT_READ) die("handshake");
        wait_for_something(ssl, wire, 1000);
    }
    printf("connected: %s %s %s\n", SSL_get_version(ssl), SSL_get_cipher_name(ssl), SSL_get_group_name(SSL_get_group_id(ssl)));
    for (;;) {
        char line[2000];
        SSL_write(ssl, "peer says hello\n", 16);
        while ((result = SSL_read(ssl, line, sizeof line)) > 0) fwrite(line, 1, (size_t) result, stdout);
        fflush(stdout);
        error = SSL_get_error(ssl, result);
        if (error == SSL_ERROR_ZERO_RETURN) return 0;
        if (error != SSL_ERROR_WANT_READ) die("read");
        wait_for_something(ssl, wire, 100);
    }
}
