//! Whom a request was meant for. A page from elsewhere can give its own name our address (DNS rebinding) and then read
//! what is answered here; but the browser still says the name, and a name that is not ours is refused.

use axum::extract::Request;
use axum::http::{StatusCode, Version, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::net::SocketAddr;

/// Lets pass what names this machine and the port that was bound. HTTP/2 passes: no browser speaks it without
/// encryption, and official clients of Pub/Sub name Google's host whatever they connect to.
pub async fn only_here(bound: SocketAddr, request: Request, next: Next) -> Response {
    let named = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    if request.version() < Version::HTTP_2 && !is_ours(named, bound) {
        let text = format!("this server answers as http://{bound}/ or localhost, not as '{named}'\n");
        return (StatusCode::MISDIRECTED_REQUEST, text).into_response();
    }
    next.run(request).await
}

fn is_ours(named: &str, bound: SocketAddr) -> bool {
    let (host, port) = match named.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()),
        _ => (named, Some(80)),
    };
    let address = bound.ip().to_string();
    let ours = ["localhost", "127.0.0.1", "[::1]"];
    let is_host = ours.iter().any(|name| host.eq_ignore_ascii_case(name)) || host.trim_matches(['[', ']']) == address;
    is_host && port == Some(bound.port())
}

#[cfg(test)]
mod tests {
    use super::is_ours;

    #[test]
    fn names_of_this_machine_with_our_port_are_ours() {
        let bound = "127.0.0.1:8080".parse().expect("an address");
        for named in ["127.0.0.1:8080", "localhost:8080", "LocalHost:8080", "[::1]:8080"] {
            assert!(is_ours(named, bound), "{named}");
        }
        let foreign =
            ["", "localhost", "localhost:81", "evil.example:8080", "127.0.0.1.evil.example:8080", "localhost:8080x"];
        for named in foreign {
            assert!(!is_ours(named, bound), "{named}");
        }
        assert!(is_ours("10.0.0.5:8080", "10.0.0.5:8080".parse().expect("an address")));
        assert!(is_ours("[fe80::1]:8080", "[fe80::1]:8080".parse().expect("an address")));
        assert!(is_ours("localhost", "127.0.0.1:80".parse().expect("an address")));
        assert!(is_ours("[::1]", "[::1]:80".parse().expect("an address")));
    }
}
