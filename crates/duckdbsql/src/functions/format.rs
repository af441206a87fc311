//! FORMAT: its arguments travel as tagged texts to one function, which the printer writes by their types.

use rsdbt_googlesql::library::{Function, scalar};

pub(super) const TABLE: &[Function] = &[scalar("$format", "@format")];
