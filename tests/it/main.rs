//! One integration binary: every test of the built program lives in a module here.

mod sql;
