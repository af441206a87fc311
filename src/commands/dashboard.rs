//! `dashboard`: reads the gold models and writes the HTML file, or serves it.

use crate::args::DashboardArgs;
use crate::options::Options;
use crate::report::Report;
use crate::{OK, Stop, pipeline};
use rsdbt_base::{Code, Diagnostic};
use rsdbt_pages::dashboard::{Data, Session, render};
use rsdbt_project::config::Profile;
use rsdbt_project::load::load_settings;
use rsdbt_sys as sys;
use rsdbt_warehouse::{DbError, Session as Warehouse, Value};
use rsdbt_web::{self as web, Request, Response, Server};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

pub fn run(options: &Options, arguments: &DashboardArgs, report: &Arc<dyn Report>) -> Result<u8, Stop> {
    let (page, sessions, target) = page(options, arguments.generated_at.clone())?;
    let path = arguments.output.clone().unwrap_or_else(|| target.join("dashboard.html"));
    sys::write(&path, &page)
        .map_err(|why| Diagnostic::error(Code::FILE, format!("cannot write {}: {why}", path.display())))?;
    let path: PathBuf = sys::canonical(&path);
    report.line(&format!(
        "Dashboard of {} ({} KB): {}",
        pipeline::counted(sessions, "session"),
        page.len() / 1024,
        path.display()
    ));
    if arguments.open && open::that_detached(&path).is_err() {
        report.line("No browser could be started; open the file by hand.");
    }
    if arguments.serve {
        let shown = Shown::default();
        shown.replace(page);
        let server = shown.serve(arguments.port)?;
        report.line(&format!("Dashboard at http://{}/; ctrl-C ends it", server.address));
        let stop = crate::signals::stop_flag();
        while !stop.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(100));
            // Another process may have written a newer one.
            if let Ok(newer) = sys::read(&path) {
                shown.replace(newer);
            }
        }
    }
    Ok(OK)
}

/// The page that is being served, and how often it was replaced.
#[derive(Clone, Default)]
pub struct Shown(Arc<Mutex<(String, u64)>>);

impl Shown {
    pub fn replace(&self, page: String) {
        let mut shown = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if shown.0 != page {
            *shown = (page, shown.1 + 1);
        }
    }

    /// Serves the page on this machine; an open one reloads itself when it was replaced. It is served for as long as the server is kept.
    pub fn serve(&self, port: u16) -> Result<Server, Diagnostic> {
        let shown = self.0.clone();
        let answer = move |request: Request| {
            let (page, version) = shown.lock().unwrap_or_else(PoisonError::into_inner).clone();
            match request.path {
                "/" => Response::ok("text/html; charset=utf-8", page),
                "/version" => Response::ok("text/plain", version.to_string()),
                _ => Response::refusal(404, "there is /"),
            }
        };
        web::serve(port, answer)
            .map_err(|why| Diagnostic::error(Code::DASHBOARD, format!("port {port} cannot be used: {why}")))
    }
}

/// The page of the models as they are now, its number of sessions, and the target folder.
pub fn page(options: &Options, generated: Option<String>) -> Result<(String, usize, PathBuf), Stop> {
    let (project, profile) = load_settings(&options.load)?;
    let warehouse =
        pipeline::open(&profile, &project.root).map_err(|error| Stop(vec![pipeline::connection_error(&error)]))?;
    let mut session = warehouse.session().map_err(|error| Stop(vec![pipeline::connection_error(&error)]))?;
    let threshold = project.vars_for(&project.name).get("high_intent_threshold").and_then(serde_json::Value::as_f64);
    let mut data = read(session.as_mut(), &profile)?;
    data.high_intent_threshold = threshold.unwrap_or(0.5);
    data.generated = generated.unwrap_or_else(|| sys::now_utc().format("%Y-%m-%d %H:%M UTC").to_string());
    data.project = project.name.clone();
    data.target = profile.target.clone();
    Ok((render(&data), data.sessions.len(), pipeline::target_path(options, &project)))
}

fn fault(error: &DbError) -> Stop {
    let diagnostic =
        Diagnostic::error(Code::DASHBOARD, format!("the dashboard cannot read its models: {}", error.message));
    Stop(vec![
        diagnostic.help("`rsdbt build` makes dashboard_sessions and int_session_events, which the dashboard shows"),
    ])
}

fn read(session: &mut dyn Warehouse, profile: &Profile) -> Result<Data, Stop> {
    let table = |name: &str| format!("`{}`.`{}`.`{name}`", profile.database, profile.schema);
    let sessions = session
        .run(&format!(
            "select session_id, viewer_id, concat(stream_id, ' ', streamer_name), device_type, viewer_state, \
             ifnull(segment, ''), unix_seconds(session_start), duration_seconds, orders_placed, conversion_probability, \
             engagement_score, lag_seconds from {} order by session_start, session_id",
            table("dashboard_sessions")
        ))
        .map_err(|error| fault(&error))?;
    let activity = session
        .run(&format!(
            "select div(unix_seconds(event_time), 60), session_id from {} group by 1, 2 order by 1, 2",
            table("int_session_events")
        ))
        .map_err(|error| fault(&error))?;
    let sessions: Vec<Session> = sessions.rows.iter().map(|row| one(row)).collect();
    let places: HashMap<&str, u32> = sessions.iter().enumerate().map(|(at, s)| (s.id.as_str(), at as u32)).collect();
    let activity =
        activity.rows.iter().filter_map(|row| Some((int(&row[0]), *places.get(text(&row[1]).as_str())?))).collect();
    Ok(Data { activity, sessions, ..Data::default() })
}

fn one(row: &[Value]) -> Session {
    Session {
        id: text(&row[0]),
        viewer: text(&row[1]),
        stream: text(&row[2]),
        device: text(&row[3]),
        state: text(&row[4]),
        segment: text(&row[5]),
        start: int(&row[6]),
        duration_seconds: int(&row[7]),
        orders: int(&row[8]),
        probability: float(&row[9]),
        engagement: float(&row[10]),
        lag_seconds: float(&row[11]),
    }
}

fn text(value: &Value) -> String {
    crate::report::value_text(value)
}

fn int(value: &Value) -> i64 {
    match value {
        Value::Int(value) => i64::try_from(*value).unwrap_or(i64::MAX),
        _ => 0,
    }
}

fn float(value: &Value) -> Option<f64> {
    match value {
        Value::Float(value) => Some(*value),
        Value::Int(value) => Some(*value as f64),
        Value::Decimal(text) => text.parse().ok(),
        _ => None,
    }
}
