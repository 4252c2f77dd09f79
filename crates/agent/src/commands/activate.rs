//! `holdfast activate`: a token makes this machine a device.

use super::{Context, Outcome};
use crate::AgentError;
use crate::activation::{Activated, Activation, Origin, OverNetwork};
use crate::json::text_and_bytes;
use crate::state::State;
use api::{Token, limits};
use clap::Args;
use model::Custody;
use serde::Serialize;
use std::io::Read;
use std::path::PathBuf;
use zeroize::Zeroizing;

/// Make this machine a device of a user, with a token from the administrator
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  holdfast activate -                     read the token from standard input
  holdfast activate --token-file token    read it from a file
  holdfast activate hf1-…                 other users of this machine may see it in the list of processes

The same token may be given again after an interruption: it makes the same device.")]
pub(crate) struct ActivateArgs {
    /// The token, or - to read it from standard input
    #[arg(required_unless_present = "token_file", conflicts_with = "token_file")]
    token: Option<String>,
    /// Read the token from this file
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Where the recovery file of a private vault is written by its first device, or is for a further one
    /// [default for the first: holdfast-recovery-USER.txt in this folder]
    #[arg(long, value_name = "FILE")]
    recovery_file: Option<PathBuf>,
    /// The device's name [default: the machine's name]
    #[arg(long)]
    name: Option<String>,
}

/// The result in JSON.
#[derive(Debug, Serialize)]
struct Document<'a> {
    device: model::DeviceId,
    device_name: &'a str,
    user: &'a str,
    vault: model::VaultId,
    custody: Custody,
    server: &'a [String],
    origin: &'static str,
    recovery_file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recovery_file_base64: Option<String>,
}

pub(crate) fn run(args: &ActivateArgs, context: &Context) -> Result<Outcome, AgentError> {
    let token = find_token(&args.token()?)?;
    let state = State::locate()?;
    let _lock = state.lock()?;
    let registrar = OverNetwork::new(&token, context.dialling())?;
    let activation = Activation {
        state: &state,
        token: &token,
        name: args.device_name(),
        os: shortened(&platform::host::os_description().unwrap_or_default(), limits::OS_NAME),
        recovery_file: args.recovery_file.as_deref(),
        registrar: &registrar,
    };
    let activated = activation.run()?;
    print(&activated, context)?;
    Ok(Outcome::Complete)
}

impl ActivateArgs {
    fn token(&self) -> Result<Zeroizing<String>, AgentError> {
        let mut text = Zeroizing::new(String::new());
        match (&self.token_file, self.token.as_deref()) {
            (Some(path), _) => {
                let file = std::fs::File::open(path).map_err(|error| AgentError::local(path, error))?;
                read_text(file, &mut text).map_err(|error| AgentError::local(path, error))?;
            }
            (None, Some("-") | None) => read_text(std::io::stdin().lock(), &mut text)
                .map_err(|source| AgentError::Stream { stream: "standard input", source })?,
            (None, Some(token)) => text.push_str(token),
        }
        Ok(text)
    }

    fn device_name(&self) -> String {
        let machine = || platform::host::hostname().ok().filter(|name| !name.is_empty());
        let name = self.name.clone().or_else(machine).unwrap_or_else(|| "unnamed".into());
        // What the user wrote is refused when it is too long; the machine's name is cut.
        if self.name.is_some() { name } else { shortened(&name, limits::DEVICE_NAME) }
    }
}

/// The token that a text is, or the only one in it: what `token create` prints may be kept as it is.
fn find_token(text: &str) -> Result<Token, AgentError> {
    Token::parse(text).or_else(|error| {
        let mut found = text.split_whitespace().filter_map(|word| Token::parse(word).ok());
        match (found.next(), found.next()) {
            (Some(only), None) => Ok(only),
            _ => Err(AgentError::Token(error)),
        }
    })
}

/// Reads a little more than a token may have; bytes that are no text make it malformed.
fn read_text(from: impl Read, text: &mut String) -> std::io::Result<()> {
    let mut bytes = Zeroizing::new(Vec::new());
    from.take(limits::TOKEN as u64 + 1).read_to_end(&mut bytes)?;
    text.push_str(&Zeroizing::new(String::from_utf8_lossy(&bytes).into_owned()));
    Ok(())
}

/// Without control characters, and at most `limit` bytes.
fn shortened(text: &str, limit: usize) -> String {
    let mut out = String::new();
    for character in text.chars().filter(|character| !character.is_control()) {
        if out.len() + character.len_utf8() > limit {
            break;
        }
        out.push(character);
    }
    out
}

fn print(activated: &Activated, context: &Context) -> Result<(), AgentError> {
    let identity = &activated.identity;
    let (origin, recovery_file) = match &activated.origin {
        Origin::Created { recovery_file } => ("created", recovery_file.as_deref()),
        Origin::Joined => ("joined", None),
        Origin::Repeated => ("repeated", None),
    };
    let custody = identity.vault.keyring.custody();
    let shown = recovery_file.map(|path| text_and_bytes(platform::path::bytes(path)));
    let (recovery_file_text, recovery_file_base64) = shown.unzip();
    let document = Document {
        device: identity.device,
        device_name: &identity.device_name,
        user: &identity.user,
        vault: identity.vault.keyring.vault(),
        custody,
        server: &identity.server.urls,
        origin,
        recovery_file: recovery_file_text,
        recovery_file_base64: recovery_file_base64.flatten(),
    };
    context.output.print(&document, |out| {
        let server = identity.server.urls.first().map_or("", String::as_str);
        writeln!(out, "'{}' is now a device of {} at {server}.", identity.device_name, identity.user)?;
        match custody {
            Custody::Managed => writeln!(out, "Its vault is managed: the organisation can open it, too.")?,
            Custody::Private => writeln!(out, "Its vault is private: only the user's devices can open it.")?,
        }
        if let Some(path) = recovery_file {
            writeln!(out, "Recovery file: {}", crate::text::escaped_path(path))?;
            writeln!(
                out,
                "Move it away from this machine. Without it the backups are lost when no device is left."
            )?;
        }
        writeln!(out, "Back up a folder: holdfast backup PATH")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_found_in_the_words_around_it() {
        let token = || {
            let (urls, secret) = (vec!["https://a.example.org".to_owned()], api::Secret::random());
            Token::new(urls, api::Pin::Os, secret).unwrap()
        };
        let (one, two) = (token(), token());
        let text = one.to_text();
        let (front, end) = text.split_at(20);
        assert_eq!(find_token(&format!("{front}\n  {end}\n")).unwrap(), one);
        assert_eq!(
            find_token(&format!("Give this to ada:\n\n  {text}\n\nIt is good for a day.")).unwrap(),
            one
        );
        for bad in ["", "no token", front, &format!("{text} {}", two.to_text())] {
            assert_eq!(find_token(bad).unwrap_err().code(), model::Code::TokenMalformed, "{bad}");
        }
    }

    #[test]
    fn names_are_cut_between_characters() {
        assert_eq!(shortened("a\nbü", 3), "ab");
        assert_eq!(shortened("a\nbü", 4), "abü");
    }

    #[test]
    fn a_token_of_any_bytes_is_text() {
        let mut text = String::new();
        read_text(&b"hf1-\xff\n"[..], &mut text).unwrap();
        assert_eq!(text, "hf1-\u{fffd}\n");
        let long = vec![b'a'; 2 * limits::TOKEN];
        let mut text = String::new();
        read_text(&long[..], &mut text).unwrap();
        assert_eq!(text.len(), limits::TOKEN + 1, "too long for a token, and no longer");
    }
}
