//! Pages: data in, one HTML file out. Pure: no file, no database, no clock.

pub mod dashboard;
