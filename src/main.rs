//! The program `rsdbt`: everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(rsdbt::cli::main())
}
