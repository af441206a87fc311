//! `fct_sessions` against visits worked out by hand from a small list of events.

use crate::program::Project;
use serde_json::json;

/// The list, with the visit each event belongs to in the last column:
/// A: 10:00, 10:30 (exactly 30 minutes: same visit), 11:00:00.000001 (a microsecond more: a new one);
/// B: two events at the same time; C: over midnight, and one late in another stream; nobody: no viewer, no visit.
const EVENTS: &str = "\
stream_id,streamer_name,stream_start_time,viewer_id,viewer_email,viewer_state,device_type,event_time,event_type,product_id,product_name,chat_message
S01,Mia Laurent,2026-11-01 09:00:00 UTC,A,a@x.org,CA,mobile,2026-11-01 10:00:00 UTC,stream_view_start,,,
S01,Mia Laurent,2026-11-01 09:00:00 UTC,A,a@x.org,CA,mobile,2026-11-01 10:30:00 UTC,add_to_cart,P001,Hydrating Serum,
S02,Jay Park,2026-11-01 09:00:00 UTC,A,a@x.org,CA,mobile,2026-11-01 11:00:00.000001 UTC,checkout_started,P001,Hydrating Serum,
S02,Jay Park,2026-11-01 09:00:00 UTC,A,a@x.org,CA,mobile,2026-11-01 11:02:00.000001 UTC,order_completed,P001,Hydrating Serum,
S01,Mia Laurent,2026-11-01 09:00:00 UTC,B,b@x.org,NY,tablet,2026-11-01 10:00:00 UTC,product_view,P002,Matte Lipstick,
S01,Mia Laurent,2026-11-01 09:00:00 UTC,B,b@x.org,NY,tablet,2026-11-01 10:00:00 UTC,product_click,P002,Matte Lipstick,
S03,Sofia Marino,2026-11-01 23:00:00 UTC,C,c@x.org,TX,desktop,2026-11-01 23:50:00 UTC,product_click,P003,Clay Face Mask,
S03,Sofia Marino,2026-11-01 23:00:00 UTC,C,c@x.org,TX,desktop,2026-11-02 00:05:30 UTC,order_completed,P003,Clay Face Mask,
S04,Theo Brandt,2026-11-02 03:00:00 UTC,C,c@x.org,TX,desktop,2026-11-02 03:00:00 UTC,chat_message,,,hello
S01,Mia Laurent,2026-11-01 09:00:00 UTC,,,NY,tablet,2026-11-01 10:00:00 UTC,product_view,P002,Matte Lipstick,
";

const USE_SAMPLE: [&str; 2] = ["--vars", "{use_sample_events: true}"];

fn visits(project: &Project) -> serde_json::Value {
    let rows = project.query(
        "select viewer_id, stream_id, string(session_start), duration_seconds, event_count, add_to_cart_count, orders_placed, dropped_out
         from live_shopping.fct_sessions order by viewer_id, session_start",
    );
    json!(rows)
}

fn expected() -> serde_json::Value {
    json!([
        ["A", "S01", "2026-11-01 10:00:00+00", 1800, 2, 1, 0, true],
        ["A", "S02", "2026-11-01 11:00:00.000001+00", 120, 2, 0, 1, false],
        ["B", "S01", "2026-11-01 10:00:00+00", 0, 2, 0, 0, true],
        ["C", "S03", "2026-11-01 23:50:00+00", 930, 2, 0, 1, false],
        ["C", "S04", "2026-11-02 03:00:00+00", 0, 1, 0, 0, true],
    ])
}

#[test]
fn visits_are_those_worked_out_by_hand() {
    let project = Project::live_shopping();
    rsdbt_sys::write(&project.root().join("../seeds/live_events_sample.csv"), EVENTS).expect("writable");
    project.run(&["seed"]).ok();
    project.run(&[&["run", "-s", "+fct_click_to_purchase_lag"][..], &USE_SAMPLE].concat()).ok();
    assert_eq!(visits(&project), expected());
    // The incremental run over the same events changes nothing.
    project.run(&[&["run", "-s", "+fct_sessions"][..], &USE_SAMPLE].concat()).ok();
    assert_eq!(visits(&project), expected());
    // From the click at 23:50 to the order at 00:05:30.
    let lags = project.query("select viewer_id, lag_seconds from live_shopping.fct_click_to_purchase_lag");
    assert_eq!(json!(lags), json!([["C", 930]]));
}

#[test]
fn an_incremental_run_lets_a_visit_grow() {
    let project = Project::live_shopping();
    let lines: Vec<&str> = EVENTS.lines().collect();
    let seed = project.root().join("../seeds/live_events_sample.csv");
    // Without C's order after midnight and the last chat at first.
    let early: Vec<&str> =
        lines.iter().enumerate().filter(|(at, _)| ![8, 9].contains(at)).map(|(_, line)| *line).collect();
    rsdbt_sys::write(&seed, early.join("\n") + "\n").expect("writable");
    project.run(&["seed"]).ok();
    project.run(&[&["run", "-s", "+fct_sessions"][..], &USE_SAMPLE].concat()).ok();
    assert_eq!(visits(&project)[3][3], 0);
    rsdbt_sys::write(&seed, EVENTS).expect("writable");
    project.run(&["seed", "-s", "live_events_sample"]).ok();
    project.run(&[&["run", "-s", "+fct_sessions"][..], &USE_SAMPLE].concat()).ok();
    assert_eq!(visits(&project), expected());
}
