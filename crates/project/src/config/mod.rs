//! dbt_project.yml, profiles.yml and property files: what they say and which setting wins. No I/O.

mod layers;
mod profile;
mod project;
mod properties;
pub mod yaml;

pub use layers::{layered, merge_into};
pub use profile::Profile;
pub use project::Project;
pub use properties::{Entry, EntryKind, Properties, TestEntry, read_properties};
pub use yaml::Yaml;
