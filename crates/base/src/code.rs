//! The table of error codes: what `rsdbt explain CODE` prints, and the only list of codes there is.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};

/// A stable error code such as `RS0101`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Code(pub &'static str);

impl<'de> Deserialize<'de> for Code {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Code, D::Error> {
        let text = String::deserialize(from)?;
        let known = CODES.iter().find(|(code, _)| code.0 == text);
        known.map(|(code, _)| *code).ok_or_else(|| D::Error::custom(format!("there is no code '{text}'")))
    }
}

macro_rules! codes {
    ($($name:ident = $code:literal, $text:literal;)*) => {
        impl Code {
            $(#[doc = $text] pub const $name: Code = Code($code);)*
        }
        /// Every code with the text that explains it.
        pub const CODES: &[(Code, &str)] = &[$((Code::$name, $text),)*];
    };
}

codes! {
    USAGE = "RS0001", "The command line does not fit the project: a flag, a selector or an argument is wrong.";
    CONFIG = "RS0002", "dbt_project.yml, profiles.yml, selectors.yml or packages.yml is missing, or holds a value that does not fit.";
    YAML = "RS0003", "A YAML file cannot be read: the text is not YAML, or a key appears twice.";
    PROPERTY = "RS0004", "A property file describes something that is not there, or describes it twice.";
    FILE = "RS0005", "A file or folder cannot be read or written.";
    JINJA = "RS0101", "A template does not compile or fails while it renders.";
    REF = "RS0102", "ref() names a model, seed or snapshot that does not exist, or is disabled.";
    SOURCE = "RS0103", "source() names a source or table that no YAML file declares.";
    CYCLE = "RS0104", "Models depend on each other in a circle.";
    DUPLICATE = "RS0105", "Two resources share one name, or two models would build the same relation.";
    SEED = "RS0201", "A seed's CSV file is malformed: a row has the wrong number of fields, or a value does not fit its column type.";
    SOURCE_FILE = "RS0202", "A file that stands for a source cannot be used: it is missing, lies outside the project, or holds a value that does not fit.";
    DATABASE = "RS0301", "The warehouse refused a statement.";
    LOCKED = "RS0302", "Another process holds the database file. DuckDB allows one writing process per file.";
    LIBRARY = "RS0303", "libduckdb cannot be loaded.";
    COST = "RS0304", "The run would read more bytes than `--max-bytes` allows, or its cost cannot be told before.";
    SQL_SYNTAX = "RS0401", "The text is not BigQuery SQL that rsdbt can parse.";
    SQL_UNSUPPORTED = "RS0402", "Valid BigQuery SQL that `method: local` does not support. COMPATIBILITY.md lists what is missing.";
    SQL_SEMANTIC = "RS0403", "BigQuery would refuse the query: a wrong type, an unknown column or function, a wrong number of arguments.";
    ML = "RS0501", "A BigQuery ML statement cannot be carried out: an option, a feature or a model is wrong.";
    CONTRACT = "RS0601", "A model's columns differ from its enforced contract.";
    TEST = "RS0602", "A data test found failing rows, or a unit test got other rows than it expects.";
    SIMULATE = "RS0701", "The event simulator cannot run with these options or this target.";
    BUS = "RS0702", "The message bus cannot be used: the broker is not there, its folder or port is taken, or it refused a request.";
    DASHBOARD = "RS0801", "The dashboard cannot be built: a table or column that it shows is missing.";
    BUG = "RS9999", "A defect of rsdbt itself. Please report it with the command and the message.";
}

/// The explanation of a code, case-insensitively; `None` when there is no such code.
pub fn explain(code: &str) -> Option<&'static str> {
    CODES.iter().find(|(known, _)| known.0.eq_ignore_ascii_case(code)).map(|(_, text)| *text)
}
