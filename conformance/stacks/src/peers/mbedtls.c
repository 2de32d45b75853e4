/* mbedTLS (Debian's 2.28) as a DTLS judge: program client|server PORT CERT KEY MTU VERSION GROUPS.
   What it hears goes to stdout; it says a line every 100 ms once it is connected. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/error.h>
#include <mbedtls/net_sockets.h>
#include <mbedtls/ssl.h>
#include <mbedtls/ssl_cookie.h>
#include <mbedtls/timing.h>

static void check(int result, const char *what) {
    char text[200];
    if (result == 0) return;
    mbedtls_strerror(result, text, sizeof text);
    printf("%s: -0x%04x %s\n", what, (unsigned) -result, text);
    fflush(stdout);
    exit(1);
}

int main(int argc, char **argv) {
    if (argc != 8) return 2;
    int is_client = strcmp(argv[1], "client") == 0, result;
    mbedtls_entropy_context entropy;
    mbedtls_ctr_drbg_context random;
    mbedtls_x509_crt certificate;
    mbedtls_pk_context key;
    mbedtls_ssl_config config;
    mbedtls_ssl_context ssl;
    mbedtls_ssl_cookie_ctx cookies;
    mbedtls_timing_delay_context timer;
    mbedtls_net_context listener, wire;

    mbedtls_entropy_init(&entropy);
    mbedtls_ctr_drbg_init(&random);
    mbedtls_x509_crt_init(&certificate);
    mbedtls_pk_init(&key);
    mbedtls_ssl_config_init(&config);
    mbedtls_ssl_init(&ssl);
    mbedtls_ssl_cookie_init(&cookies);
    mbedtls_net_init(&listener);
    mbedtls_net_init(&wire);
    check(mbedtls_ctr_drbg_seed(&random, mbedtls_entropy_func, &entropy, NULL, 0), "seed");
    check(mbedtls_x509_crt_parse_file(&certificate, argv[3]), "certificate");
    check(mbedtls_pk_parse_keyfile(&key, argv[4], NULL), "key");
    check(mbedtls_ssl_config_defaults(&config, is_client ? MBEDTLS_SSL_IS_CLIENT : MBEDTLS_SSL_IS_SERVER,
                                      MBEDTLS_SSL_TRANSPORT_DATAGRAM, MBEDTLS_SSL_PRESET_DEFAULT), "config");
    mbedtls_ssl_conf_rng(&config, mbedtls_ctr_drbg_random, &random);
    mbedtls_ssl_conf_min_version(&config, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
    check(mbedtls_ssl_conf_own_cert(&config, &certificate, &key), "own certificate");
    /* Asked for, and whose it is does not matter: fingerprints are the other side's test. */
    mbedtls_ssl_conf_authmode(&config, MBEDTLS_SSL_VERIFY_OPTIONAL);
    mbedtls_ssl_conf_handshake_timeout(&config, 300, 4000);
    if (!is_client) {
        check(mbedtls_ssl_cookie_setup(&cookies, mbedtls_ctr_drbg_random, &random), "cookies");
        mbedtls_ssl_conf_dtls_cookies(&config, mbedtls_ssl_cookie_write, mbedtls_ssl_cookie_check, &cookies);
    }
    check(mbedtls_ssl_setup(&ssl, &config), "setup");
    mbedtls_ssl_set_mtu(&ssl, (uint16_t) atoi(argv[5]));
    mbedtls_ssl_set_timer_cb(&ssl, &timer, mbedtls_timing_set_delay, mbedtls_timing_get_delay);

    if (is_client) {
        check(mbedtls_net_connect(&wire, "127.0.0.1", argv[2], MBEDTLS_NET_PROTO_UDP), "connect");
    } else {
        check(mbedtls_net_bind(&listener, "127.0.0.1", argv[2], MBEDTLS_NET_PROTO_UDP), "bind");
    }
    for (;;) {
        if (!is_client) {
            unsigned char address[16];
            size_t length = 0;
            mbedtls_net_free(&wire);
            check(mbedtls_net_accept(&listener, &wire, address, sizeof address, &length), "accept");
            check(mbedtls_ssl_set_client_transport_id(&ssl, address, length), "transport id");
        }
        mbedtls_ssl_set_bio(&ssl, &wire, mbedtls_net_send, mbedtls_net_recv, mbedtls_net_recv_timeout);
        do result = mbedtls_ssl_handshake(&ssl);
        while (result == MBEDTLS_ERR_SSL_WANT_READ || result == MBEDTLS_ERR_SSL_WANT_WRITE);
        if (result != MBEDTLS_ERR_SSL_HELLO_VERIFY_REQUIRED) break;
        check(mbedtls_ssl_session_reset(&ssl), "reset");
    }
    check(result, "handshake");
    printf("connected: %s %s\n", mbedtls_ssl_get_version(&ssl), mbedtls_ssl_get_ciphersuite(&ssl));
    mbedtls_ssl_conf_read_timeout(&config, 100);
    for (;;) {
        unsigned char line[2000];
        static const unsigned char hello[] = "peer says hello\n";
        mbedtls_ssl_write(&ssl, hello, sizeof hello - 1);
        result = mbedtls_ssl_read(&ssl, line, sizeof line);
        if (result > 0) fwrite(line, 1, (size_t) result, stdout);
        fflush(stdout);
        if (result == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY) return 0;
        if (result < 0 && result != MBEDTLS_ERR_SSL_TIMEOUT && result != MBEDTLS_ERR_SSL_WANT_READ) check(result, "read");
    }
}
