//! The command line: what was typed becomes options, options become calls.

pub mod sql;
