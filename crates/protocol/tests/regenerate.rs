//! What is checked in under `src/generated/` is what `proto/` describes, byte for byte. `RSDBT_UPDATE=1` writes it.
//! The compiler of the descriptions is written in Rust, so no `protoc` is needed here either.

use rsdbt_sys as sys;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;
type Files = BTreeMap<String, Vec<u8>>;

const SOURCES: [&str; 4] = [
    "google/pubsub/v1/publisher.proto",
    "google/pubsub/v1/subscriber.proto",
    "google/rpc/status.proto",
    "rsdbt/journal.proto",
];
/// Its options are read from the descriptors; nobody needs types for them.
const WITHOUT_CODE: &str = "google.api";

fn here(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)
}

/// The files of a folder by name.
fn files(folder: &Path) -> Outcome<Files> {
    let named = |path: PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok((name, sys::read_bytes(&path)?))
    };
    sys::walk(folder).into_iter().map(named).collect()
}

/// The code goes through a folder, since the generator of services writes only files.
fn generate() -> Outcome<Files> {
    let mut compiler = protox::Compiler::new([here("proto")])?;
    compiler.include_imports(true).open_files(SOURCES)?;
    let descriptors = compiler.encode_file_descriptor_set();

    let mut described = compiler.include_source_info(true).file_descriptor_set();
    described.file.retain(|file| file.package() != WITHOUT_CODE);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("generated");
    if sys::exists(&folder) {
        sys::remove_folder(&folder)?;
    }
    sys::create_folder(&folder)?;
    tonic_prost_build::configure()
        .bytes(".google.pubsub.v1.PubsubMessage.data")
        .btree_map(".")
        .generate_default_stubs(true)
        // Said, since the default depends on the features that other crates turn on.
        .build_transport(false)
        .emit_rerun_if_changed(false)
        .out_dir(&folder)
        .compile_fds(described)?;

    let mut generated = files(&folder)?;
    generated.insert("descriptors.bin".to_owned(), descriptors);
    Ok(generated)
}

#[test]
fn what_is_checked_in_is_what_the_protos_describe() -> Outcome {
    let folder = here("src/generated");
    let generated = generate()?;
    if sys::env_var("RSDBT_UPDATE").is_some() {
        for (name, content) in &generated {
            sys::write(&folder.join(name), content)?;
        }
    }
    let kept = files(&folder)?;
    let names = |files: &Files| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&kept), names(&generated), "the files of src/generated");
    for (name, content) in &generated {
        assert!(
            kept[name] == *content,
            "src/generated/{name} is old: RSDBT_UPDATE=1 cargo test -p rsdbt-proto writes it"
        );
    }
    Ok(())
}
