//! Pub/Sub's messages and services, and the records of the broker's journal: Rust code generated from `proto/`, checked in
//! under `src/generated/` and never edited. `RSDBT_UPDATE=1 cargo test -p rsdbt-proto` writes it anew after a change.
//!
//! The descriptions hold what the broker serves and what clients send it, not all of Pub/Sub. What they leave out is
//! dropped when a message is read. Nothing here acts; a build never runs a generator.

/// In modules as the packages name each other. The files are included, so that rustfmt leaves them as they are generated.
#[expect(clippy::all, reason = "written by prost-build and tonic-prost-build")]
mod generated {
    pub mod google {
        pub mod pubsub {
            pub mod v1 {
                include!("generated/google.pubsub.v1.rs");
            }
        }
        pub mod rpc {
            include!("generated/google.rpc.rs");
        }
    }

    pub mod rsdbt {
        pub mod journal {
            include!("generated/rsdbt.journal.rs");
        }
    }
}

pub use generated::google::pubsub::v1 as pubsub;
pub use generated::google::rpc;
pub use generated::rsdbt::journal;

/// The descriptions in encoded form, with the HTTP rules of the methods, which the generated types lack.
pub const DESCRIPTORS: &[u8] = include_bytes!("generated/descriptors.bin");
