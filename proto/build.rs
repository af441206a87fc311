//! Generates the Pub/Sub types and service traits from the protos, with a compiler written in Rust: no protoc is needed.
#![allow(clippy::disallowed_methods)]

use std::path::PathBuf;

const FILES: [&str; 4] = [
    "google/pubsub/v1/pubsub.proto",
    "google/rpc/status.proto",
    "google/rpc/error_details.proto",
    "rsdbt/journal.proto",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=google");
    println!("cargo::rerun-if-changed=rsdbt");
    println!("cargo::rerun-if-changed=build.rs");
    let mut compiler = protox::Compiler::new(["."])?;
    compiler.include_imports(true).open_files(FILES)?;
    // The HTTP rules of the REST side are options of the methods, which only the encoded form keeps.
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    std::fs::write(out.join("descriptors.bin"), compiler.encode_file_descriptor_set())?;
    tonic_prost_build::configure()
        .bytes(".google.pubsub.v1.PubsubMessage.data")
        .btree_map(".")
        .generate_default_stubs(true)
        .compile_fds(compiler.file_descriptor_set())?;
    Ok(())
}
