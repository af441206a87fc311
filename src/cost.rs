//! What a run would cost: dry runs of every selected node, before anything is paid.

use crate::options::Options;
use crate::pipeline::{self, counted};
use crate::report::Report;
use crate::{FAILED, OK, Stop};
use rsdbt_base::{Code, Diagnostic, byte_count, byte_text};
use rsdbt_exec::{Job, World};
use rsdbt_project::ir::{NodeResult, RunResults, Status};
use serde_json::Value as Json;
use std::sync::Arc;

/// BigQuery's on-demand price of a TiB in the US, in dollars (2026).
const PRICE_PER_TIB: f64 = 6.25;

/// What is known before the run.
struct Costs {
    results: RunResults,
    bytes: u64,
    /// Nodes whose input is built by the same run.
    unknown: usize,
}

fn bytes(result: &NodeResult) -> Option<u64> {
    result.adapter_response.get("bytes_processed").and_then(Json::as_u64)
}

fn ask(world: &Arc<World>, job: Job) -> Result<Costs, Stop> {
    let fail = |error: rsdbt_warehouse::DbError| Stop(vec![pipeline::connection_error(&error)]);
    world.session().and_then(|mut session| session.estimate("select 1")).map_err(fail)?;
    let results = rsdbt_exec::run(world, Job { purpose: rsdbt_exec::Purpose::Estimate, ..job });
    let good = results.results.iter().filter(|result| result.status == Status::Success);
    let (known, unknown): (Vec<_>, Vec<_>) = good.partition(|result| bytes(result).is_some());
    let (sum, unknown) = (known.into_iter().filter_map(bytes).sum(), unknown.len());
    Ok(Costs { bytes: sum, unknown, results })
}

fn price(options: &Options, bytes: u64) -> f64 {
    bytes as f64 / (1u64 << 40) as f64 * options.building.cost.price_per_tib.unwrap_or(PRICE_PER_TIB)
}

fn dollars(amount: f64) -> String {
    if amount > 0.0 && amount < 0.01 { "<$0.01".to_owned() } else { format!("${amount:.2}") }
}

/// `--dry-run`: prints bytes and price of each node and of all.
pub fn dry_run(options: &Options, world: &Arc<World>, job: Job, report: &Arc<dyn Report>) -> Result<u8, Stop> {
    let costs = ask(world, job)?;
    report.finish();
    let mut sorted: Vec<&NodeResult> = costs.results.results.iter().collect();
    sorted.sort_by_key(|result| std::cmp::Reverse(bytes(result)));
    let width = sorted.iter().map(|result| result.unique_id.len()).max().unwrap_or(0);
    report.line("");
    for result in &sorted {
        let text = match bytes(result) {
            Some(count) => format!("{:>12}  {:>8}", byte_text(count), dollars(price(options, count))),
            None => result.message.clone().unwrap_or_default().lines().next().unwrap_or_default().to_owned(),
        };
        report.line(&format!("{:<width$}  {text}", result.unique_id));
    }
    report.line("");
    let total = format!("{:>12}  {:>8}", byte_text(costs.bytes), dollars(price(options, costs.bytes)));
    report.line(&format!("{:<width$}  {total}", "total"));
    if costs.unknown > 0 {
        report.line(&format!("without {}, which cannot be known before the run", counted(costs.unknown, "node")));
    }
    for result in &sorted {
        result.diagnostic.iter().for_each(|diagnostic| report.diagnostic(diagnostic));
    }
    Ok(if costs.results.failed() { FAILED } else { OK })
}

/// `--max-bytes`: ends the command when the run would read more.
pub fn check_limit(options: &Options, world: &Arc<World>, job: Job, report: &Arc<dyn Report>) -> Result<(), Stop> {
    let Some(text) = &options.building.cost.max_bytes else { return Ok(()) };
    let Some(limit) = byte_count(text) else {
        return Err(Diagnostic::error(Code::USAGE, format!("--max-bytes {text} is not a number of bytes"))
            .help("write it as 500000, 500MB or 1.5GiB")
            .into());
    };
    let costs = ask(world, job)?;
    if costs.bytes > limit {
        let message = format!(
            "the run would read {} ({}), more than --max-bytes {}; nothing was run",
            byte_text(costs.bytes),
            dollars(price(options, costs.bytes)),
            byte_text(limit)
        );
        return Err(Diagnostic::error(Code::COST, message)
            .help("see --dry-run for the bytes of each node, or select fewer nodes")
            .into());
    }
    if costs.unknown > 0 {
        let message = format!("{} could not be estimated before the run", counted(costs.unknown, "node"));
        report.diagnostic(&Diagnostic::warning(Code::COST, message));
    }
    Ok(())
}
