//! Versions of the protocol, and the check that a server makes of each request.

use crate::Error;

/// The version that this build speaks.
pub const PROTOCOL: u32 = 1;

/// The oldest version that this build's server accepts.
pub const OLDEST_PROTOCOL: u32 = 1;

/// Checks the value of the header `holdfast-protocol`; gives the version the agent speaks.
pub fn check(header: Option<&str>) -> Result<u32, Error> {
    let (oldest, newest) = (OLDEST_PROTOCOL, PROTOCOL);
    let Some(text) = header else { return Err(Error::ProtocolTooOld { oldest, newest }) };
    let rule = "a decimal number";
    if text.is_empty() || text.len() > 9 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Error::malformed("header holdfast-protocol", rule));
    }
    match text.parse::<u32>() {
        Ok(version) if version < oldest => Err(Error::ProtocolTooOld { oldest, newest }),
        Ok(version) if version > newest => Err(Error::ProtocolTooNew { oldest, newest }),
        Ok(version) => Ok(version),
        Err(_) => Err(Error::malformed("header holdfast-protocol", rule)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Code;

    #[test]
    fn only_the_range_of_this_build_is_accepted() {
        assert_eq!(check(Some("1")), Ok(1));
        let code = |header: Option<&str>| check(header).map_err(|error| error.code());
        assert_eq!(code(None), Err(Code::ProtocolTooOld));
        assert_eq!(code(Some("0")), Err(Code::ProtocolTooOld));
        assert_eq!(code(Some(&(PROTOCOL + 1).to_string())), Err(Code::ProtocolTooNew));
        for header in ["", "one", "+1", "-1", " 1", "1.0", "99999999999999999999"] {
            assert_eq!(code(Some(header)), Err(Code::RequestInvalid), "{header:?}");
        }
    }
}
