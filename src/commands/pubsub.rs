//! `pubsub serve`: the local broker on the network.

use crate::args::{PubsubArgs, PubsubCommand};
use crate::report::Report;
use crate::{OK, Stop};
use rsdbt_base::{Code, Diagnostic};
use rsdbt_pubsub as pubsub;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

pub fn run(arguments: &PubsubArgs, report: &Arc<dyn Report>) -> Result<u8, Stop> {
    let PubsubCommand::Serve { port, host, data_dir } = &arguments.command;
    let stop = Arc::new(AtomicBool::new(false));
    let flag = stop.clone();
    // Without the handler a signal ends the process, and the journal is as good as after a crash.
    _ = ctrlc::set_handler(move || flag.store(true, Ordering::SeqCst));
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
