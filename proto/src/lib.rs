//! What `build.rs` generates from the protos, in modules as the packages name each other. A crate of its own, so that
//! it is compiled once and beside everything else.
#![allow(clippy::all, missing_docs)]

mod google {
    pub mod pubsub {
        pub mod v1 {
            tonic::include_proto!("google.pubsub.v1");
        }
    }
    pub mod rpc {
        tonic::include_proto!("google.rpc");
    }
}

mod rsdbt {
    pub mod journal {
        tonic::include_proto!("rsdbt.journal");
    }
}

pub use google::pubsub::v1 as pubsub;
pub use google::rpc;
pub use rsdbt::journal;

/// All protos in encoded form, with the options (HTTP rules) that the generated types lack.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
