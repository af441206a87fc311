//! `pubsub serve`: the local broker on the network.

use crate::args::{PubsubArgs, PubsubCommand};
use crate::report::Report;
use crate::{OK, Stop, signals};
use rsdbt_base::{Code, Diagnostic};
use rsdbt_pubsub as pubsub;
use std::net::SocketAddr;
use std::sync::Arc;

pub fn run(arguments: &PubsubArgs, report: &Arc<dyn Report>) -> Result<u8, Stop> {
    let PubsubCommand::Serve { port, host, data_dir } = &arguments.command;
    let stop = signals::stop_flag();
    let kept = data_dir.as_ref().map_or_else(|| "in memory".to_owned(), |folder| format!("in {}", folder.display()));
    let ready = |bound: SocketAddr| {
        report.line(&format!("Pub/Sub on {bound}, messages kept {kept}"));
        report.line(&format!("For clients: export PUBSUB_EMULATOR_HOST={bound}"));
    };
    pubsub::serve(SocketAddr::new(*host, *port), data_dir.as_deref(), &stop, ready)
        .map_err(|why| Diagnostic::error(Code::BUS, why.message))?;
    report.line("Pub/Sub stopped");
    Ok(OK)
}
