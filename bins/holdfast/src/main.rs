//! The holdfast program; everything lives in the agent crate.

fn main() -> std::process::ExitCode {
    agent::main()
}
