//! Linker flags. They are here and not in `.cargo/config.toml`, which cargo
//! would not read when another project compiles Guildhall.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");

    match std::env::var("CARGO_CFG_TARGET_OS").as_deref() {
        // The VM resolves `enif_*` when it loads the library.
        Ok("macos") => {
            println!("cargo:rustc-cdylib-link-arg=-undefined");
            println!("cargo:rustc-cdylib-link-arg=dynamic_lookup");
        }
        Ok("windows") => {}
        // A purge of `Guildhall.Native` must not unmap code that a Rust thread may be running.
        _ => println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete"),
    }
}
