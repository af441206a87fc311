//! Throws changed copies of the fixtures at whatever reads text or requests of strangers. `rsdbt-fuzz ROOT SECONDS SEED` starts
//! itself once for each target; a target that panics, aborts, or thinks about one input for too long has failed, and its
//! input is kept. The same seed gives the same inputs.
//!
//! It must never catch a panic to go on: the process that dies is the finding.

mod corpus;
mod mutate;
mod targets;

use mutate::Mutator;
use rsdbt_sys as sys;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use targets::Target;

/// No input of a few kilobytes is worth so long.
const PATIENCE: Duration = Duration::from_secs(20);
/// The exit code of a target that hangs.
const HANGS: i32 = 86;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let texts: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match texts[..] {
        [root, seconds, seed] => all(Path::new(root), seconds, seed),
        [root, seconds, seed, name] => one(Path::new(root), seconds, seed, name),
        _ => Err("usage: rsdbt-fuzz ROOT SECONDS SEED [TARGET]".to_owned()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("FAILED: {why}");
            ExitCode::FAILURE
        }
    }
}

/// The input that a target is working on.
fn current(root: &Path, name: &str) -> PathBuf {
    root.join("target/fuzz").join(name)
}

fn number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("'{text}' is no number"))
}

/// Every target in a process of its own, each with an equal share of the time.
fn all(root: &Path, seconds: &str, seed: &str) -> Result<(), String> {
    let share = (number(seconds)? / targets::ALL.len() as u64).max(1).to_string();
    let program = std::env::current_exe().map_err(|why| why.to_string())?;
    let mut failed = Vec::new();
    for (name, _) in targets::ALL {
        let root_text = root.to_string_lossy();
        let run =
            Command::new(&program).args([&*root_text, &share, seed, name]).status().map_err(|why| why.to_string())?;
        if !run.success() {
            let what = if run.code() == Some(HANGS) { "hangs".to_owned() } else { format!("dies ({run})") };
            failed.push(format!("{name} {what}; its input is {}", current(root, name).display()));
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(failed.join("\n")) }
}

/// One target until its time is over, each input on disk before it is tried.
fn one(root: &Path, seconds: &str, seed: &str, name: &str) -> Result<(), String> {
    let make = targets::ALL.iter().find(|(known, _)| *known == name).ok_or_else(|| format!("no target '{name}'"))?.1;
    let mut target: Target = make()?;
    let seeds = corpus::seeds(root, name)?;
    let mut mutator = Mutator::new(number(seed)?, &seeds);
    let end = Instant::now() + Duration::from_secs(number(seconds)?);
    let place = current(root, name);
    let inputs = watch(name);
    // The fixtures as they are, then changed ones.
    let mut unchanged = seeds.iter();
    while Instant::now() < end {
        let input = unchanged.next().cloned().unwrap_or_else(|| mutator.next());
        sys::write(&place, &input).map_err(|why| format!("{}: {why}", place.display()))?;
        target(&input);
        inputs.fetch_add(1, Ordering::Relaxed);
    }
    println!("{name:<8} {:>8} inputs, {} seeds", inputs.load(Ordering::Relaxed), seeds.len());
    Ok(())
}

/// Ends the process when the number of finished inputs stands still.
fn watch(name: &str) -> Arc<AtomicU64> {
    let inputs = Arc::new(AtomicU64::new(0));
    let (seen, name) = (inputs.clone(), name.to_owned());
    std::thread::spawn(move || {
        let mut last = (0, Instant::now());
        loop {
            std::thread::sleep(Duration::from_millis(500));
            let now = seen.load(Ordering::Relaxed);
            if now != last.0 {
                last = (now, Instant::now());
            } else if last.1.elapsed() > PATIENCE {
                eprintln!("{name}: no answer for {} seconds", PATIENCE.as_secs());
                std::process::exit(HANGS);
            }
        }
    });
    inputs
}
