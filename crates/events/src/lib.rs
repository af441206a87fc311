//! Live-shopping events: `sim` makes them, `stream` carries them into a warehouse, `shop` is a page that causes them.

mod moment;
mod schema;
pub mod shop;
pub mod sim;
pub mod stream;

pub use schema::destination;
