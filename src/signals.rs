//! What asks the program to end: ctrl-C, SIGTERM, and SIGHUP when the terminal is closed. The only handler of signals.

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Calls `asked` for each such signal, on a thread of its own. Where no handler can be had, a signal ends the process, as
/// it would without us: transactions are rolled back, journals are read again at the next start.
pub fn on_stop(mut asked: impl FnMut() + Send + 'static) {
    let Ok(mut signals) = Signals::new([SIGINT, SIGTERM, SIGHUP]) else { return };
    _ = std::thread::Builder::new().name("signals".to_owned()).spawn(move || signals.forever().for_each(|_| asked()));
}

/// A flag that such a signal sets.
pub fn stop_flag() -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = stop.clone();
    on_stop(move || flag.store(true, Ordering::SeqCst));
    stop
}
