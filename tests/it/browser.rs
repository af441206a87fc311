//! Shoppers in headless Chromium: what they click is what lands, and nothing of the browser stays (`make test-browser`).

use crate::events::{Running, wait_until};
use crate::program::Project;
use serde_json::json;
use std::process::Command;
use std::time::Duration;

/// Processes whose command line names the profile folder of a running rsdbt.
fn browsers(rsdbt: u32) -> Vec<u32> {
    let listed = Command::new("ps").args(["-eo", "pid=,args="]).output().expect("ps runs");
    let folder = format!("rsdbt-browser-{rsdbt}");
    let text = String::from_utf8_lossy(&listed.stdout).into_owned();
    let own = text.lines().filter(|line| line.contains(&folder));
    own.filter_map(|line| line.split_whitespace().next()?.parse().ok()).collect()
}

fn nothing_is_left(rsdbt: u32) {
    wait_until("the end of the browser", || browsers(rsdbt).is_empty());
    let folder = rsdbt_sys::temporary_folder().join(format!("rsdbt-browser-{rsdbt}"));
    assert!(!folder.exists(), "{} is left over", folder.display());
}

#[test]
fn what_shoppers_click_is_what_lands() {
    let project = Project::live_shopping();
    let ran = project.run(&["simulate", "--browser", "4", "--sessions", "5"]).ok().says("4 shoppers shopped 20 times");
    let number = |before: &str| {
        let rest = ran.out.split(before).nth(1).unwrap_or_default();
        rest.chars().take_while(char::is_ascii_digit).collect::<String>().parse::<u64>().expect("a count")
    };
    let sent = number("their pages sent ");
    assert_eq!((sent, sent >= 60), (number(" events, "), true), "{}", ran.out);
    project.run(&["ingest", "--drain"]).ok();
    let landed = project.query(
        "select count(*), count(distinct event_id), count(distinct seq), countif(event_type = 'stream_view_start'),
                countif(event_type = 'stream_exit'), countif(event_type = 'add_to_cart') > 0
         from live_shopping_raw.live_events",
    );
    assert_eq!(json!(landed), json!([[sent, sent, sent, 20, 20, true]]));
    let manifest = rsdbt_sys::walk(&project.root().join("target/simulations")).pop().expect("a manifest");
    let manifest = manifest.to_string_lossy().into_owned();
    project.run(&["simulate", "--verify", "--manifest", &manifest]).ok().says("lost 0, duplicated 0");
}

#[test]
fn ctrl_c_leaves_no_browser_behind() {
    let project = Project::live_shopping();
    let running = Running::start(project.command(&["simulate", "--browser", "2", "--sessions", "1000"]));
    let id = running.id();
    wait_until("the browser", || browsers(id).len() > 3);
    std::thread::sleep(Duration::from_secs(2));
    running.terminate();
    let (code, said) = running.end();
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("Stopped: "), "{said}");
    nothing_is_left(id);
}

#[test]
fn a_browser_that_dies_is_an_error() {
    let project = Project::live_shopping();
    let running = Running::start(project.command(&["simulate", "--browser", "2", "--sessions", "1000"]));
    let id = running.id();
    wait_until("the browser", || browsers(id).len() > 3);
    std::thread::sleep(Duration::from_secs(2));
    let first = browsers(id)[0].to_string();
    assert!(Command::new("kill").args(["-9", &first]).status().expect("kill runs").success());
    let (code, said) = running.end();
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("the browser has ended"), "{said}");
    nothing_is_left(id);
}

#[test]
fn no_browser_is_said_with_what_to_do() {
    let project = Project::live_shopping();
    let shop = ["simulate", "--browser", "1"];
    let mut command = project.command(&shop);
    project.finish(command.env("CHROME", "/nowhere/chrome")).fails(2).says("CHROME=/nowhere/chrome is not there");
    let mut command = project.command(&shop);
    project.finish(command.env("PATH", "/nowhere")).fails(2).says("no browser").says("apt-get install chromium");
    project.run(&["simulate", "--browser", "0"]).fails(2).says("1 to 100");
    project.run(&["simulate", "--browser", "2", "--live"]).fails(2).says("cannot be used with");
}
