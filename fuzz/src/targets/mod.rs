//! What is fuzzed: one file a target, each a function of bytes. An error is a good answer, an end of the process is not.

mod broker;
mod jinja;
mod text;

/// Tries one input.
pub type Target = Box<dyn FnMut(&[u8])>;

type Make = fn() -> Result<Target, String>;

pub const ALL: [(&str, Make); 6] = [
    ("parse", text::parse),
    ("sql", text::sql),
    ("jinja", jinja::target),
    ("yaml", text::yaml),
    ("csv", text::csv),
    ("broker", broker::target),
];
