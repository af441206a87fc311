//! What `build.rs` generates from `proto/`, in modules as the packages name each other.
#![allow(clippy::all, dead_code, missing_docs)]

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
