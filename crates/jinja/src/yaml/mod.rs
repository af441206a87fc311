//! `fromyaml` and `toyaml`: YAML 1.1 as Python's safe loader and dumper have it. Not for rsdbt's own files.

mod dump;
mod load;
mod scalar;

pub use dump::dump;
pub use load::load;
