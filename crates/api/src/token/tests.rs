//! The token's text survives what people do to it, and is refused when a part is lost.

use super::*;
use proptest::prelude::*;

fn tokens() -> impl Strategy<Value = Token> {
    let url = "https://[a-z]{1,20}(\\.[a-z]{1,10}){0,3}(:[1-9][0-9]{1,3})?(/[a-z]{1,5})?";
    let pin = prop_oneof![Just(Pin::Os), any::<[u8; 32]>().prop_map(Pin::Authority)];
    (prop::collection::vec(url, 1..=limits::URLS), pin, any::<[u8; 32]>())
        .prop_map(|(urls, pin, secret)| Token::new(urls, pin, Secret::from_bytes(secret)).unwrap())
}

proptest! {
    #[test]
    fn a_token_survives_its_text(token in tokens()) {
        prop_assert_eq!(Token::parse(&token.to_text()).unwrap(), token);
    }

    #[test]
    fn a_part_is_never_taken_for_the_whole(token in tokens(), part in 0.0..1.0f64) {
        let text = token.to_text();
        let end = (text.len() as f64 * part) as usize;
        prop_assert!(Token::parse(&text[..end]).is_err());
        prop_assert!(Token::parse(&text[text.len() - end..]).is_err());
    }

    #[test]
    fn a_changed_character_is_noticed(token in tokens(), at in any::<prop::sample::Index>()) {
        let mut text = token.to_text().into_bytes();
        let at = at.index(text.len());
        text[at] = if text[at] == b'A' { b'B' } else { b'A' };
        prop_assert!(Token::parse(std::str::from_utf8(&text).unwrap()).is_err());
    }

    #[test]
    fn any_text_is_answered(text in ".{0,200}", bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(Token::parse(&text).is_err());
        // With a right check the fields themselves are reached.
        let mut bytes = bytes;
        let sum = check(&bytes);
        bytes.extend_from_slice(&sum);
        let _ = Token::parse(&format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(&bytes)));
    }
}

#[test]
fn wrapped_lines_are_joined() {
    let token =
        Token::new(vec!["https://backup.example.org:8443".into()], Pin::Os, Secret::random()).unwrap();
    let text = token.to_text();
    let wrapped = format!("  {}\r\n   {}\n{}\n", &text[..20], &text[20..40], &text[40..]);
    assert_eq!(Token::parse(&wrapped).unwrap(), token);
}

#[test]
fn the_refusal_has_its_code() {
    assert_eq!(Token::parse("hunter2").unwrap_err().code(), model::Code::TokenMalformed);
    assert!(Token::parse(&"h".repeat(limits::TOKEN + 1)).is_err());
}

#[test]
fn only_addresses_with_tls_are_taken() {
    for url in [
        "http://a.example",
        "https://",
        "https:///x",
        "https://user@a.example",
        "https://a b",
        "a.example",
        "https://a.example:0",
        "https://a.example:99999",
        "https://a.example:/x",
        "https://[::1]:https",
    ] {
        let error = Token::new(vec![url.into()], Pin::Os, Secret::random()).unwrap_err();
        // Also for an administrator who sets it, and has no token in hand.
        assert!(error.to_string().starts_with("an address is malformed: "), "{url}: {error}");
    }
    for url in [
        "https://[::1]:8443",
        "https://backup.example/holdfast",
        "https://192.0.2.7",
        "https://a.example:1/x:y",
    ] {
        assert!(Token::new(vec![url.into()], Pin::Os, Secret::random()).is_ok(), "{url}");
    }
    assert!(Token::new(vec![], Pin::Os, Secret::random()).is_err());
}

#[test]
fn the_longest_token_fits_its_limit() {
    let url = format!("https://{}", "a".repeat(limits::URL - 8));
    let token = Token::new(vec![url; limits::URLS], Pin::Authority([1; 32]), Secret::random()).unwrap();
    let text = token.to_text();
    assert!(text.len() <= limits::TOKEN, "{}", text.len());
    assert_eq!(Token::parse(&text).unwrap(), token);
}
