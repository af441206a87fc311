//! Live-shopping events: `sim` makes them, `stream` carries them into a warehouse, `shop` is a page that causes them.

pub mod shop;
pub mod sim;
pub mod stream;
