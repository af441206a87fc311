//! The dashboard in a real browser: its figures are those of plain SQL over the database file, under every filter.

use crate::live_shopping::built;
use crate::program::Project;
use std::collections::BTreeMap;
use std::process::Command;
use tempfile::TempDir;

/// What CHROME names, or the first browser that answers. A machine without one has not tested the dashboard, so this fails.
fn chromium() -> String {
    let given = rsdbt_sys::env_var("CHROME");
    let names = ["chromium", "chromium-browser", "google-chrome"].map(str::to_owned);
    let answers =
        |name: &String| Command::new(name).arg("--version").output().is_ok_and(|answer| answer.status.success());
    given
        .into_iter()
        .chain(names)
        .find(answers)
        .expect("Chromium (scripts/ensure_chromium.sh installs it, CHROME names it)")
}

/// The document after its script has run.
fn dom(browser: &str, project: &Project, hash: &str) -> String {
    let profile = TempDir::new().expect("a folder");
    let page = format!("file://{}{hash}", project.root().join("target/dashboard.html").display());
    let output = Command::new(browser)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
        ])
        .args(["--disable-component-update", "--disable-sync", "--virtual-time-budget=15000", "--dump-dom"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(page)
        .output()
        .expect("the browser runs");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn figures(dom: &str) -> BTreeMap<String, f64> {
    assert!(dom.contains("data-ready=\"1\""), "the page did not finish:\n{}", &dom[..dom.len().min(2_000)]);
    let part = |text: &str, name: &str| {
        let start = text.find(&format!("{name}=\"")).expect("the attribute") + name.len() + 2;
        text[start..].split('"').next().unwrap_or_default().to_owned()
    };
    dom.split("<dd ")
        .skip(1)
        .map(|text| (part(text, "data-kpi"), part(text, "data-value").parse().unwrap_or(f64::NAN)))
        .collect()
}

/// The same figures by SQL, with a condition for the filter.
fn by_sql(project: &Project, condition: &str) -> BTreeMap<String, f64> {
    let names = [
        "total_sessions",
        "unique_viewers",
        "drop_off_rate",
        "conversion_rate",
        "avg_probability",
        "avg_duration",
        "avg_lag",
        "avg_engagement",
        "high_intent",
    ];
    let rows = project.query(&format!(
        "select count(*), count(distinct viewer_id), 100 * countif(orders_placed = 0) / count(*), 100 * countif(orders_placed > 0) / count(*),
                100 * avg(conversion_probability), avg(duration_seconds), avg(lag_seconds), avg(engagement_score),
                countif(round(conversion_probability, 4) >= 0.5)
         from live_shopping.dashboard_sessions where {condition}"
    ));
    names.iter().zip(&rows[0]).map(|(name, value)| ((*name).to_owned(), value.as_f64().unwrap_or(f64::NAN))).collect()
}

#[test]
fn figures_equal_plain_sql_under_every_filter() {
    let browser = chromium();
    let project = built();
    project.run(&["dashboard", "--generated-at", "now"]).ok();
    let cases = [
        ("", "true"),
        ("#device=mobile", "device_type = 'mobile'"),
        ("#state=CA", "viewer_state = 'CA'"),
        ("#viewer=V0007", "viewer_id = 'V0007'"),
        ("#segment=High-Value+Loyal", "segment = 'High-Value Loyal'"),
        ("#stream=S02+Jay+Park&device=tablet", "stream_id = 'S02' and device_type = 'tablet'"),
        ("#from=2026-11-03&to=2026-11-05", "date(session_start) between '2026-11-03' and '2026-11-05'"),
        (
            "#low=10&high=60&device=mobile",
            "device_type = 'mobile' and round(conversion_probability, 4) between 0.1 and 0.6",
        ),
    ];
    for (hash, condition) in cases {
        let (shown, computed) = (figures(&dom(&browser, &project, hash)), by_sql(&project, condition));
        assert_eq!(shown.len(), 9, "{hash}");
        assert!(computed["total_sessions"] > 0.0, "{hash}: the filter must leave something to compare");
        for (name, value) in &computed {
            let close =
                (shown[name] - value).abs() <= 1e-3 * value.abs().max(1.0) || (shown[name].is_nan() && value.is_nan());
            assert!(close, "{hash}: {name} shows {} where SQL says {value}", shown[name]);
        }
    }
}

#[test]
fn equal_data_gives_an_equal_file() {
    let project = built();
    let page = || {
        project.run(&["dashboard", "--generated-at", "now"]).ok();
        project.read("target/dashboard.html")
    };
    let first = page();
    assert!(first == page(), "two pages of the same data differ");
    assert!(!first.contains("http://") && !first.contains("https://"), "the page asks the network");
}

#[test]
fn without_models_the_message_says_what_to_do() {
    let project = Project::live_shopping();
    project.run(&["dashboard"]).fails(2).says("RS0801").says("rsdbt build");
    assert!(!project.exists("target/dashboard.html"));
}
