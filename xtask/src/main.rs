//! The project's own commands: `cargo xtask tidy` checks what the compiler cannot.
//! It must not know how Holdfast works, only how its source is laid out.

mod layers;
mod repo;
mod rust_text;
mod tidy;
mod words;

use std::process::ExitCode;

const USAGE: &str = "usage: cargo xtask tidy [CHECK...]\n";

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let result = match args.next().as_deref() {
        Some("tidy") => tidy::run(&args.collect::<Vec<_>>()),
        _ => Err(anyhow::anyhow!("{USAGE}\nchecks: {}", tidy::names().join(", "))),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            tidy::say(&format!("{error:#}"));
            ExitCode::from(2)
        }
    }
}
