//! Compiles the contract for the crate in `proto/`, whose build script this is (`../build.rs` there;
//! the root package sets `build = false`). Needs no protoc: protox reads the files.
//!
//! Paths are relative to `proto/`, where cargo runs it.

use std::error::Error;
use std::path::PathBuf;
use std::{env, fs};

use prost::Message;

/// Where the contract's files lie, below the import root.
const PACKAGE_DIR: &str = "nestr/directory/v1";
/// The same as protobuf names it.
const PACKAGE: &str = ".nestr.directory.v1";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=../build.rs");
    println!("cargo::rerun-if-changed={PACKAGE_DIR}");

    let descriptors = protox::compile(contract_files()?, ["."])?;
    let encoded = descriptors.encode_to_vec();
    fs::write(out_dir()?.join("descriptors.bin"), &encoded)?;

    tonic_prost_build::configure()
        .compile_well_known_types(true)
        .extern_path(".google.protobuf", "::pbjson_types")
        .compile_fds(descriptors)?;
    pbjson_build::Builder::new().register_descriptors(&encoded)?.build(&[PACKAGE])?;
    Ok(())
}

/// Every file of the contract, in one order whatever the file system's.
fn contract_files() -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(PACKAGE_DIR)? {
        let path = entry?.path();
        if path.extension() == Some("proto".as_ref()) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

#[expect(clippy::disallowed_methods, reason = "cargo tells a build script its folder this way")]
fn out_dir() -> Result<PathBuf, Box<dyn Error>> {
    let dir = env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR for a build script")?;
    Ok(dir.into())
}
