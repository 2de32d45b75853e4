//! Tells the program where the crate `boring-sys` built BoringSSL, which one of its judges in C is linked to.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // Set by cargo, where that crate is among the dependencies.
    if let Ok(root) = std::env::var("DEP_BORINGSSL_ROOT") {
        println!("cargo::rustc-env=BORINGSSL_ROOT={root}");
    }
}
