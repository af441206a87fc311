//! What an event is made of, declared once: messages are read by it, files and tables get their columns from it.
//! A warehouse is told; it must never know these columns itself.

use crate::moment;
use rsdbt_warehouse::{Cell, Destination, Field, Kind};
use serde::de::{Deserialize, Deserializer, Error, Visitor};
use std::borrow::Cow;

const REQUIRED: bool = true;
const OPTIONAL: bool = false;

/// The columns of the landing table and the record that has a value for each of them.
macro_rules! event {
    ($life:lifetime; $($name:ident: $value:ty = $kind:ident $required:ident;)*) => {
        /// The columns of an event. The first one is its key.
        pub const COLUMNS: &[Field] =
            &[$(Field { name: stringify!($name), kind: Kind::$kind, required: $required }),*];

        /// An event as it travels: what its JSON says, and what its row holds.
        #[derive(Debug, Clone, Default, PartialEq, serde::Deserialize)]
        #[serde(bound(deserialize = "'de: 'r"))]
        pub struct Record<$life> {
            $(#[serde(default)] pub $name: Option<$value>,)*
        }

        impl Record<'_> {
            /// Its values in the order of the columns.
            pub fn cells(&self) -> [Cell<'_>; COLUMNS.len()] {
                [$(self.$name.as_ref().map_or(Cell::Null, AsCell::cell)),*]
            }
        }
    };
}

event! { 'r;
    event_id: Text<'r> = Text REQUIRED;
    stream_id: Text<'r> = Text OPTIONAL;
    streamer_name: Text<'r> = Text OPTIONAL;
    stream_start_time: Moment = Timestamp OPTIONAL;
    viewer_id: Text<'r> = Text OPTIONAL;
    viewer_email: Text<'r> = Text OPTIONAL;
    viewer_state: Text<'r> = Text OPTIONAL;
    device_type: Text<'r> = Text OPTIONAL;
    event_time: Moment = Timestamp REQUIRED;
    event_type: Text<'r> = Text REQUIRED;
    product_id: Text<'r> = Text OPTIONAL;
    product_name: Text<'r> = Text OPTIONAL;
    chat_message: Text<'r> = Text OPTIONAL;
    // The place in a run.
    run_id: Text<'r> = Text OPTIONAL;
    shard: i64 = Int OPTIONAL;
    seq: i64 = Int OPTIONAL;
}

/// The columns that the original data set has, by place: all but the key and the place in a run.
pub const DATA_SET: std::ops::Range<usize> = 1..COLUMNS.len() - 3;

const fn field(name: &'static str, kind: Kind, required: bool) -> Field {
    Field { name, kind, required }
}

/// The columns of a message that is no event.
pub const QUARANTINE: &[Field] = &[
    field("quarantine_key", Kind::Text, REQUIRED),
    field("reason", Kind::Text, OPTIONAL),
    field("raw", Kind::Bytes, OPTIONAL),
    field("message_id", Kind::Text, OPTIONAL),
    field("published_at", Kind::Timestamp, OPTIONAL),
    field("run_id", Kind::Text, OPTIONAL),
    field("shard", Kind::Int, OPTIONAL),
    field("seq", Kind::Int, OPTIONAL),
];

/// A table of events, with the quarantine beside it.
pub fn destination<'d>(dataset: &'d str, table: &'d str) -> Destination<'d> {
    Destination { dataset, table, events: COLUMNS, quarantine: QUARANTINE }
}

/// A text, borrowed from the message where it has no escapes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text<'t>(pub Cow<'t, str>);

/// Microseconds since 1970-01-01; RFC 3339 in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment(pub i64);

trait AsCell {
    fn cell(&self) -> Cell<'_>;
}

impl AsCell for Text<'_> {
    fn cell(&self) -> Cell<'_> {
        Cell::Text(&self.0)
    }
}

impl AsCell for Moment {
    fn cell(&self) -> Cell<'_> {
        Cell::Timestamp(self.0)
    }
}

impl AsCell for i64 {
    fn cell(&self) -> Cell<'_> {
        Cell::Int(*self)
    }
}

impl<'t> From<&'t str> for Text<'t> {
    fn from(text: &'t str) -> Text<'t> {
        Text(Cow::Borrowed(text))
    }
}

impl<'de: 't, 't> Deserialize<'de> for Text<'t> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Text<'t>, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = Cow<'de, str>;

            fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Cow<'de, str>, E> {
                Ok(Cow::Borrowed(text))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Cow<'de, str>, E> {
                Ok(Cow::Owned(text.to_owned()))
            }
        }

        deserializer.deserialize_str(Reader).map(Text)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Moment, D::Error> {
        let text = Text::deserialize(deserializer)?;
        moment::read(&text.0).map(Moment).map_err(Error::custom)
    }
}

impl<'r> Record<'r> {
    /// Reads an event from JSON. Errors say why it is none; fields that nobody knows do no harm.
    pub fn read(json: &'r [u8]) -> Result<Record<'r>, String> {
        let record: Record = serde_json::from_slice(json).map_err(|why| why.to_string())?;
        for (field, cell) in COLUMNS.iter().zip(record.cells()) {
            match cell {
                Cell::Null if field.required => return Err(format!("missing field `{}`", field.name)),
                Cell::Text("") if field.required => return Err(format!("{} is empty", field.name)),
                _ => {}
            }
        }
        Ok(record)
    }

    /// Appends the record as one JSON object; what is missing is left out.
    pub fn write(&self, out: &mut Vec<u8>) {
        let mut separator = b'{';
        for (field, cell) in COLUMNS.iter().zip(self.cells()) {
            if cell == Cell::Null {
                continue;
            }
            out.push(separator);
            separator = b',';
            out.push(b'"');
            out.extend_from_slice(field.name.as_bytes());
            out.extend_from_slice(b"\":");
            write_cell(cell, out);
        }
        out.push(b'}');
    }
}

fn write_cell(cell: Cell, out: &mut Vec<u8>) {
    match cell {
        Cell::Null => out.extend_from_slice(b"null"),
        Cell::Text(text) if text.bytes().any(|c| c < b' ' || c == b'"' || c == b'\\') => {
            out.extend_from_slice(serde_json::Value::from(text).to_string().as_bytes());
        }
        // Nearly every text is its own JSON.
        Cell::Text(text) => {
            out.push(b'"');
            out.extend_from_slice(text.as_bytes());
            out.push(b'"');
        }
        Cell::Int(number) => out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes()),
        Cell::Timestamp(micros) => {
            out.push(b'"');
            out.extend_from_slice(moment::write(micros, &mut [0; 27]).as_bytes());
            out.push(b'"');
        }
        Cell::Bytes(_) => panic!("an event has no column of bytes"),
    }
}
