//! The dashboard: `(Data) -> one HTML file` that works from disk, without a network. Pure and deterministic.

mod columns;

use columns::{base64, packed_u16, packed_u32};
use serde_json::json;
use sha2::{Digest, Sha256};

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// One visit. `None` where a model has no answer for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Session {
    pub id: String,
    pub viewer: String,
    pub stream: String,
    pub device: String,
    pub state: String,
    pub segment: String,
    /// Seconds since 1970-01-01 UTC.
    pub start: i64,
    pub duration_seconds: i64,
    pub orders: i64,
    /// 0 to 1.
    pub probability: Option<f64>,
    /// 0 to 100.
    pub engagement: Option<f64>,
    pub lag_seconds: Option<f64>,
}

/// Everything that the page shows.
#[derive(Debug, Clone, Default)]
pub struct Data {
    pub sessions: Vec<Session>,
    /// (minute since 1970-01-01 UTC, index into `sessions`): in this minute the visit had an event.
    pub activity: Vec<(i64, u32)>,
    pub high_intent_threshold: f64,
    /// When the page was made, as text.
    pub generated: String,
    pub project: String,
    pub target: String,
}

/// A text column as numbers and the texts they stand for, in order of first appearance.
fn dictionary<'s>(texts: impl Iterator<Item = &'s str>) -> (Vec<u32>, Vec<String>) {
    let mut places = std::collections::HashMap::new();
    let mut names: Vec<String> = Vec::new();
    let codes = texts
        .map(|text| {
            *places.entry(text).or_insert_with(|| {
                names.push(text.to_owned());
                (names.len() - 1) as u32
            })
        })
        .collect();
    (codes, names)
}

/// 65535 stands for "none".
fn scaled(value: Option<f64>, scale: f64) -> u16 {
    value.map_or(u16::MAX, |value| (value * scale).round().clamp(0.0, 65_534.0) as u16)
}

/// The page.
pub fn render(data: &Data) -> String {
    let sessions = &data.sessions;
    let text = |pick: fn(&Session) -> &str| dictionary(sessions.iter().map(pick));
    let dictionaries: Vec<(&str, (Vec<u32>, Vec<String>))> = vec![
        ("viewer", text(|s| &s.viewer)),
        ("stream", text(|s| &s.stream)),
        ("device", text(|s| &s.device)),
        ("state", text(|s| &s.state)),
        ("segment", text(|s| &s.segment)),
    ];
    let first = sessions.iter().map(|s| s.start).min().unwrap_or(0);
    let numbers = |pick: &dyn Fn(&Session) -> u32| sessions.iter().map(pick).collect::<Vec<u32>>();
    let short = |pick: &dyn Fn(&Session) -> u16| sessions.iter().map(pick).collect::<Vec<u16>>();
    let mut blobs = vec![
        ("start", packed_u32(&numbers(&|s| (s.start - first).clamp(0, i64::from(u32::MAX)) as u32))),
        ("duration", packed_u32(&numbers(&|s| s.duration_seconds.clamp(0, i64::from(u32::MAX)) as u32))),
        ("orders", packed_u16(&short(&|s| s.orders.clamp(0, 65_535) as u16))),
        ("probability", packed_u16(&short(&|s| scaled(s.probability, 10_000.0)))),
        ("engagement", packed_u16(&short(&|s| scaled(s.engagement, 10.0)))),
        (
            "lag",
            packed_u32(&numbers(&|s| {
                s.lag_seconds.map_or(u32::MAX, |lag| (lag * 10.0).round().clamp(0.0, 4e9) as u32)
            })),
        ),
        (
            "minute",
            packed_u32(
                &data.activity.iter().map(|(m, _)| (m - first.div_euclid(60)).max(0) as u32).collect::<Vec<_>>(),
            ),
        ),
        ("minuteSession", packed_u32(&data.activity.iter().map(|(_, s)| *s).collect::<Vec<_>>())),
    ];
    let mut names = serde_json::Map::new();
    for (name, (codes, texts)) in dictionaries {
        blobs.push((name, packed_u32(&codes)));
        names.insert(name.to_owned(), json!(texts));
    }
    let ids: Vec<&str> = sessions.iter().map(|s| s.id.as_str()).collect();
    blobs.push(("id", base64(ids.join("\n").as_bytes())));
    let meta = json!({
        "count": sessions.len(), "first": first, "threshold": data.high_intent_threshold, "names": names,
        "generated": data.generated, "project": data.project, "target": data.target,
    });
    assemble(&meta.to_string(), &blobs)
}

/// Puts the parts together. Data never ends a script: `<` is written as an escape.
fn assemble(meta: &str, blobs: &[(&str, String)]) -> String {
    let data: Vec<String> = blobs
        .iter()
        .map(|(name, text)| format!("<script type=\"text/plain\" id=\"col-{name}\">{text}</script>"))
        .collect();
    let meta = meta.replace('<', "\\u003c");
    let hash = base64_plain(&Sha256::digest(SCRIPT.as_bytes()));
    PAGE.replace("/*STYLE*/", STYLE)
        .replace("__SCRIPT_HASH__", &hash)
        .replace(
            "<!--DATA-->",
            &format!("<script type=\"application/json\" id=\"meta\">{meta}</script>\n{}", data.join("\n")),
        )
        .replace("/*SCRIPT*/", SCRIPT)
}

fn base64_plain(bytes: &[u8]) -> String {
    use ::base64::Engine;
    ::base64::engine::general_purpose::STANDARD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_cannot_leave_its_place() {
        let session = Session {
            id: "s".into(),
            viewer: "</script><img src=x onerror=alert(1)>".into(),
            stream: "S1".into(),
            device: "mobile".into(),
            state: "CA".into(),
            segment: "x".into(),
            start: 0,
            duration_seconds: 1,
            orders: 0,
            probability: None,
            engagement: None,
            lag_seconds: None,
        };
        let page = render(&Data { sessions: vec![session], ..Data::default() });
        assert!(!page.contains("</script><img"));
        assert!(page.contains("\\u003c/script>"));
    }

    #[test]
    fn a_page_asks_nobody() {
        let page = render(&Data::default());
        assert!(page.contains("default-src 'none'"));
        assert!(!page.contains("http://") && !page.contains("https://"), "no address in the page");
        assert!(!page.contains("__SCRIPT_HASH__"));
    }
}
