//! Tells the program where `boring-sys` built BoringSSL and `wolfssl-sys` wolfSSL, which judges in C are linked to.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // Set by cargo, where those crates are among the dependencies.
    for (crate_says, we_say) in
        [("DEP_BORINGSSL_ROOT", "BORINGSSL_ROOT"), ("DEP_WOLFSSL_ROOT", "WOLFSSL_ROOT")]
    {
        if let Ok(root) = std::env::var(crate_says) {
            println!("cargo::rustc-env={we_say}={root}");
        }
    }
}
