//! A server on loopback that speaks as much of Google's APIs as a test needs, and writes down what it was asked.

use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// A request as it came in.
#[derive(Debug, Clone)]
pub struct Asked {
    pub method: String,
    /// With its query.
    pub path: String,
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

impl Asked {
    pub fn json(&self) -> Json {
        serde_json::from_str(&self.body).unwrap_or_default()
    }

    /// The job of an insert, plain or in an upload.
    pub fn job(&self) -> Json {
        let upload = self.body.lines().find(|line| line.starts_with('{')).unwrap_or_default();
        match serde_json::from_str(&self.body) {
            Ok(json) => json,
            Err(_) => serde_json::from_str(upload).unwrap_or_default(),
        }
    }
}

/// What goes back.
pub enum Reply {
    Json(u16, Json),
    /// A body that is no JSON, such as a proxy's page.
    Text(u16, String),
    /// The connection ends in the middle of the body.
    CutOff(Json),
    /// The connection ends without an answer.
    Nothing,
}

type Handler = dyn Fn(&Asked, &mut State) -> Option<Reply> + Send + Sync;

/// What BigQuery remembers.
#[derive(Default)]
pub struct State {
    pub asked: Vec<Asked>,
    /// Job ids, each with its resource; a second insert of the same id is refused, as BigQuery does.
    pub jobs: BTreeMap<String, Json>,
    /// For handlers that count.
    pub count: usize,
}

pub struct Server {
    pub port: u16,
    state: Arc<Mutex<State>>,
}

impl Server {
    /// Starts; `handler` answers what it wants to answer, the rest is answered as by an empty, obliging BigQuery.
    pub fn start(handler: impl Fn(&Asked, &mut State) -> Option<Reply> + Send + Sync + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let state = Arc::new(Mutex::new(State::default()));
        let (shared, handler): (_, Arc<Handler>) = (state.clone(), Arc::new(handler));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (state, handler) = (shared.clone(), handler.clone());
                std::thread::spawn(move || serve(stream, &state, handler.as_ref()));
            }
        });
        Server { port, state }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.state.lock().expect("state").asked.clone()
    }

    /// Jobs that were inserted, in order, without repetitions.
    pub fn jobs(&self) -> Vec<Json> {
        let inserts = |asked: &&Asked| {
            asked.method == "POST" && asked.path.split('?').next().is_some_and(|p| p.ends_with("/jobs"))
        };
        let mut seen = Vec::new();
        for job in self.asked().iter().filter(inserts).map(Asked::job) {
            if !seen.contains(&job) {
                seen.push(job);
            }
        }
        seen
    }
}

fn serve(mut stream: TcpStream, state: &Mutex<State>, handler: &Handler) {
    let Some(asked) = read(&stream) else { return };
    let reply = {
        let mut state = state.lock().expect("state");
        state.asked.push(asked.clone());
        handler(&asked, &mut state).unwrap_or_else(|| bigquery(&asked, &mut state))
    };
    let (status, body, whole) = match reply {
        Reply::Json(status, json) => (status, json.to_string(), true),
        Reply::Text(status, text) => (status, text, true),
        Reply::CutOff(json) => (200, json.to_string(), false),
        Reply::Nothing => return,
    };
    let head = format!(
        "HTTP/1.1 {status} x\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let sent = if whole { body.as_str() } else { &body[..body.len() / 2] };
    // A client that has gone away is part of some tests.
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(sent.as_bytes()));
}

fn read(stream: &TcpStream) -> Option<Asked> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split_whitespace();
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim().split_once(':') else { break };
        headers.insert(name.to_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Asked { method, path, headers, body: String::from_utf8_lossy(&body).into_owned() })
}

pub fn error(status: u16, reason: &str, message: &str) -> Reply {
    Reply::Json(
        status,
        json!({"error": {"code": status, "message": message, "errors": [{"reason": reason, "message": message}]}}),
    )
}

/// A BigQuery without tables, where every job is done at once and gives no rows.
pub fn bigquery(asked: &Asked, state: &mut State) -> Reply {
    let path = asked.path.split('?').next().unwrap_or_default();
    if path.ends_with("/jobs") && asked.method == "POST" {
        let mut job = asked.job();
        let id = job["jobReference"]["jobId"].as_str().unwrap_or_default().to_owned();
        if job["configuration"]["dryRun"] == true {
            job["statistics"] = json!({"query": {"totalBytesProcessed": "1048576", "schema": {"fields": []}}});
            return Reply::Json(200, job);
        }
        if state.jobs.contains_key(&id) {
            return error(409, "duplicate", "Already Exists: Job");
        }
        job["status"] = json!({"state": "DONE"});
        job["statistics"] = json!({"totalSlotMs": "12", "query": {"statementType": "SELECT", "totalBytesProcessed": "1048576", "totalBytesBilled": "10485760"}});
        state.jobs.insert(id, job.clone());
        return Reply::Json(200, job);
    }
    if let Some(id) = path.split("/jobs/").nth(1) {
        let id = id.trim_end_matches("/cancel");
        return match state.jobs.get(id) {
            Some(job) => Reply::Json(200, job.clone()),
            None => error(404, "notFound", "Not found: Job"),
        };
    }
    if path.contains("/queries/") {
        return Reply::Json(200, json!({"jobComplete": true}));
    }
    if path.ends_with("/datasets") || path.ends_with("/tables") {
        return Reply::Json(200, json!({}));
    }
    error(404, "notFound", "Not found")
}
