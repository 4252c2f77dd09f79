//! The holdfast-server program; everything lives in the server crate.

fn main() -> std::process::ExitCode {
    server::main()
}
