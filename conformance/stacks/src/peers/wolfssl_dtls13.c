/* The crate wolfssl-sys patches 500 bytes off every fragment that wolfSSL sends in DTLS 1.3, for the sake of a VPN's
   large datagrams: with an MTU of 300 nothing is left. Here is that file of wolfSSL once more with those bytes back,
   which the linker takes before the library's. */
#include <config.h>
#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/libwolfssl_sources.h>
#include <wolfssl/internal.h>

#include <string.h>

#define wolfssl_local_GetMaxPlaintextSize(ssl) \
    (wolfssl_local_GetMaxPlaintextSize(ssl) + 500 * !strcmp(__func__, "Dtls13SendFragmentedInternal"))

#include <src/dtls13.c>
