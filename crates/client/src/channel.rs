//! The control channel: one answer that does not end, with a state on each line.

use crate::connection::Connection;
use crate::request::Call;
use api::control::DeviceState;
use api::{headers, limits, routes};
use engine::remote::RemoteError;
use reqwest::Method;
use std::time::Duration;

/// A server that gives no sign of life for so long is not there any more: it gives one every 15 seconds.
const SILENCE: Duration = Duration::from_secs(50);

impl Connection {
    /// Hears what is wanted of this device, the state of now first, until the channel ends: by the server, with the
    /// network, or when `told` answers false. One attempt. `told` runs on the calling thread, so it may make calls of
    /// its own.
    pub fn listen(&self, mut told: impl FnMut(DeviceState) -> bool) -> Result<(), RemoteError> {
        let call = Call::new(Method::GET, routes::channel(), Some(headers::LINES));
        let mut answer = self.answer(&call)?;
        let mut rest = Vec::new();
        while let Some(bytes) = self.wait(answer.next_within(SILENCE))? {
            rest.extend_from_slice(&bytes);
            while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = rest.drain(..=end).collect();
                // An empty line is a sign of life.
                if line.len() == 1 {
                    continue;
                }
                let state =
                    serde_json::from_slice(&line).map_err(|error| answer.invalid(&error.to_string()))?;
                if !told(state) {
                    return Ok(());
                }
            }
            if rest.len() > limits::CHANNEL_LINE {
                let most = limits::CHANNEL_LINE;
                return Err(answer.invalid(&format!("a line of the channel has more than {most} bytes")));
            }
        }
        Ok(())
    }
}
