//! Log lines on standard error, beside the notes of a command and above its progress bar.

use crate::Output;
use std::io;
use std::sync::Arc;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

const VARIABLE: &str = "HOLDFAST_LOG";
const DEFAULT: &str = "warn";

/// Logs from now on what `HOLDFAST_LOG` names, else warnings.
pub(crate) fn init(output: &Arc<Output>) {
    let wanted = std::env::var_os(VARIABLE).unwrap_or_else(|| DEFAULT.into());
    let wanted = wanted.to_string_lossy();
    let filter = EnvFilter::try_new(&wanted).unwrap_or_else(|error| {
        let shown = crate::text::escaped(wanted.as_bytes());
        output.note(&format!("warning: {VARIABLE}='{shown}' cannot be read ({error}); warnings are logged"));
        EnvFilter::new(DEFAULT)
    });
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(false)
        .with_writer(Notes(Arc::clone(output)))
        .finish();
    // A second call in one process keeps the first.
    let _ = tracing::subscriber::set_global_default(subscriber);
}

/// Writes each line as a note.
struct Notes(Arc<Output>);

struct Line<'a> {
    output: &'a Output,
    bytes: Vec<u8>,
}

impl<'a> MakeWriter<'a> for Notes {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line { output: &self.0, bytes: Vec::new() }
    }
}

impl io::Write for Line<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line<'_> {
    fn drop(&mut self) {
        let text = String::from_utf8_lossy(&self.bytes);
        self.output.note(&crate::text::escaped_lines(text.trim_end()));
    }
}
