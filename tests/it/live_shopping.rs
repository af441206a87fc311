//! The bundled project from events to dashboard.

use crate::program::Project;
use serde_json::json;

/// Simulates and builds everything.
pub fn built() -> Project {
    let project = Project::live_shopping();
    project.run(&["simulate", "--events", "20000", "--seed", "42"]).ok().says("20000 new");
    project.run(&["build"]).ok().says("ERROR=0 SKIP=0");
    project
}

#[test]
fn everything_builds_and_a_second_time_changes_nothing() {
    let project = built();
    let state = |project: &Project| {
        let mut all = Vec::new();
        for table in
            ["stg_live_events", "fct_sessions", "customer_segments_named", "predicted_conversions", "kpi_overview"]
        {
            all.push(project.query(&format!(
                "select count(*), bit_xor(farm_fingerprint(to_json_string(t))) from live_shopping.{table} t"
            )));
        }
        all
    };
    let before = state(&project);
    project.run(&["simulate", "--events", "20000", "--seed", "42"]).ok().says("0 new").says("20000 were there already");
    project.run(&["build"]).ok();
    assert_eq!(state(&project), before);
    // A long name for the most valuable segment must not hang on a cluster's number: it has the most revenue.
    let best = project.query(
        "select segment from live_shopping.customer_segments_named group by 1 order by avg(monetary) desc limit 1",
    );
    assert_eq!(json!(best), json!([["High-Value Loyal"]]));
}

#[test]
fn the_sample_seed_is_what_the_simulator_writes() {
    let project = Project::live_shopping();
    project.run(&["simulate", "--events", "5000", "--seed", "42", "--output", "again.csv"]).ok();
    let seed = rsdbt_sys::read(&project.root().join("../seeds/live_events_sample.csv")).expect("the seed");
    assert!(
        project.read("again.csv") == seed,
        "seeds/live_events_sample.csv differs from `rsdbt simulate --events 5000 --seed 42`"
    );
}

#[test]
fn models_agree_with_plain_sql_over_the_file() {
    let project = built();
    let rows = project.query(
        "select count(*), count(distinct viewer_id), round(100 * countif(orders_placed = 0) / count(*), 2), round(avg(duration_seconds), 2)
         from live_shopping.fct_sessions",
    );
    let kpis = project.query(
        "select total_sessions, unique_viewers, drop_off_rate_percent, average_session_duration_seconds from live_shopping.kpi_overview",
    );
    assert_eq!(rows, kpis);
    // Every event of a known viewer is in exactly one visit.
    let events = project.query("select countif(viewer_id is not null) from live_shopping.stg_live_events");
    assert_eq!(events, project.query("select sum(event_count) from live_shopping.fct_sessions"));
    assert_eq!(events, project.query("select count(*) from live_shopping.int_session_events"));
}
