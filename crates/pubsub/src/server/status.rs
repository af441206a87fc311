//! The broker's refusals as gRPC statuses.

use crate::broker::core::{Fault, FaultKind};
use prost::Message;
use rsdbt_proto::rpc;
use std::collections::BTreeMap;
use tonic::{Code, Status};

pub fn status(fault: Fault) -> Status {
    let code = match fault.kind {
        FaultKind::Invalid => Code::InvalidArgument,
        FaultKind::NotFound => Code::NotFound,
        FaultKind::AlreadyExists => Code::AlreadyExists,
        FaultKind::Precondition => Code::FailedPrecondition,
        FaultKind::Exhausted => Code::ResourceExhausted,
        FaultKind::Unavailable => Code::Unavailable,
        FaultKind::Unsupported => Code::Unimplemented,
    };
    Status::new(code, fault.message)
}

/// Refused ack ids of an exactly-once subscription: clients read the reason of each from the details.
pub fn refused_acks(ids: &[String]) -> Status {
    let message = "Some acknowledgement ids are not valid any more";
    let reason = |id: &String| (id.clone(), "PERMANENT_FAILURE_INVALID_ACK_ID".to_owned());
    let info = rpc::ErrorInfo {
        reason: "EXACTLY_ONCE_ACKID_FAILURE".to_owned(),
        domain: "pubsub.googleapis.com".to_owned(),
        metadata: ids.iter().map(reason).collect::<BTreeMap<_, _>>(),
    };
    let detail = prost_types::Any {
        type_url: "type.googleapis.com/google.rpc.ErrorInfo".to_owned(),
        value: info.encode_to_vec(),
    };
    let code = Code::FailedPrecondition;
    let full = rpc::Status { code: code as i32, message: message.to_owned(), details: vec![detail] };
    Status::with_details(code, message, full.encode_to_vec().into())
}
