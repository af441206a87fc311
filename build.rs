//! Generates the Pub/Sub types and service traits from `proto/`, with a compiler written in Rust: no protoc is needed.

use prost::Message;
use std::path::PathBuf;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=proto");
    println!("cargo::rerun-if-changed=build.rs");
    let files = [
        "google/pubsub/v1/pubsub.proto",
        "google/rpc/status.proto",
        "google/rpc/error_details.proto",
        "rsdbt/journal.proto",
    ];
    let descriptors = protox::Compiler::new(["proto"])?.include_imports(true).open_files(files)?.file_descriptor_set();
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    // The HTTP rules of the REST side are options of the methods, which only the encoded descriptors keep.
    let raw = protox::Compiler::new(["proto"])?.include_imports(true).open_files(files)?.encode_file_descriptor_set();
    std::fs::write(out.join("descriptors.bin"), raw)?;
    let _ = descriptors.encoded_len();
    tonic_prost_build::configure()
        .bytes(".google.pubsub.v1.PubsubMessage.data")
        .btree_map(".")
        .generate_default_stubs(true)
        .compile_fds(descriptors)?;
    Ok(())
}
