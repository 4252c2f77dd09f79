//! Certificates on disk: modes, reuse, renewal, and what damage does.

use super::*;
use model::{Clock, Code, Timestamp};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

const DAY: Duration = Duration::from_secs(86_400);

fn clock() -> Clock {
    Clock::manual(Timestamp::from_secs(1_800_000_000))
}

fn names(url: &str) -> Names {
    Names::collect(&[url.to_owned()], &[], None).unwrap()
}

fn leaf_file(dir: &Path) -> Vec<u8> {
    std::fs::read(dir.join("leaf.pem")).unwrap()
}

fn new_authority(dir: &Path, clock: &Clock) -> Authority {
    Authority::create(dir, "test", clock.now()).unwrap()
}

#[test]
fn the_authority_is_made_once_and_kept_private() {
    let dir = tempfile::tempdir().unwrap();
    let tls = dir.path().join("data/tls");
    let made = new_authority(&tls, &clock());
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode(&tls), 0o700);
    assert_eq!(mode(&tls.join("authority.pem")), 0o600);
    assert!(Authority::create(&tls, "again", clock().now()).is_err());
    let opened = Authority::open(&tls).unwrap();
    assert_eq!(opened.pin(), made.pin());
    assert_eq!(opened.certificate(), made.certificate());
    Certificates::open(&tls, names("https://a.example"), clock()).unwrap();
    assert_eq!(mode(&tls.join("leaf.pem")), 0o600);
}

#[test]
fn a_good_leaf_is_used_again() {
    let dir = tempfile::tempdir().unwrap();
    let clock = clock();
    new_authority(dir.path(), &clock);
    let open = || Certificates::open(dir.path(), names("https://a.example"), clock.clone()).unwrap();
    let first = open();
    let stored = leaf_file(dir.path());
    clock.advance(DAY * 50);
    let second = open();
    assert_eq!(leaf_file(dir.path()), stored);
    assert_eq!(first.leaf_not_after(), second.leaf_not_after());
    assert!(!second.renew_if_due().unwrap());
}

#[test]
fn a_leaf_is_renewed_in_its_last_third() {
    let dir = tempfile::tempdir().unwrap();
    let clock = clock();
    new_authority(dir.path(), &clock);
    let certificates = Certificates::open(dir.path(), names("https://a.example"), clock.clone()).unwrap();
    let ends = certificates.leaf_not_after();
    assert_eq!(ends.since(clock.now()), DAY * 90);
    clock.advance(DAY * 59);
    assert!(!certificates.renew_if_due().unwrap());
    clock.advance(DAY * 2);
    assert!(certificates.renew_if_due().unwrap());
    assert_eq!(certificates.leaf_not_after(), ends.after(DAY * 61));
    assert!(!certificates.renew_if_due().unwrap());
    let opened = Certificates::open(dir.path(), names("https://a.example"), clock).unwrap();
    assert_eq!(opened.leaf_not_after(), certificates.leaf_not_after());
}

#[test]
fn other_names_or_a_damaged_leaf_make_a_new_one() {
    let dir = tempfile::tempdir().unwrap();
    new_authority(dir.path(), &clock());
    let open = |url| Certificates::open(dir.path(), names(url), clock()).unwrap();
    open("https://a.example");
    let first = leaf_file(dir.path());
    open("https://b.example");
    let second = leaf_file(dir.path());
    assert_ne!(first, second);
    let half = &second[..second.len() / 2];
    for text in [b"".as_slice(), b"nonsense", half] {
        std::fs::write(dir.path().join("leaf.pem"), text).unwrap();
        open("https://b.example");
        assert_ne!(leaf_file(dir.path()), text);
    }
}

#[test]
fn a_clock_that_was_wrong_at_first_is_mended() {
    let dir = tempfile::tempdir().unwrap();
    let future = Clock::manual(Timestamp::from_secs(2_000_000_000));
    new_authority(dir.path(), &future);
    Certificates::open(dir.path(), names("https://a.example"), future).unwrap();
    let opened = Certificates::open(dir.path(), names("https://a.example"), clock()).unwrap();
    assert_eq!(opened.leaf_not_after(), clock().now().after(DAY * 90));
}

#[test]
fn a_missing_or_damaged_authority_is_never_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let open = || Certificates::open(dir.path(), names("https://a.example"), clock());
    assert!(matches!(open(), Err(TlsError::Missing { .. })));
    new_authority(dir.path(), &clock());
    let file = dir.path().join("authority.pem");
    let good = std::fs::read_to_string(&file).unwrap();
    let other = tempfile::tempdir().unwrap();
    new_authority(other.path(), &clock());
    let other = std::fs::read_to_string(other.path().join("authority.pem")).unwrap();
    let key_at = |text: &str| text.find("-----BEGIN PRIVATE").unwrap();
    let mixed = format!("{}{}", &good[..key_at(&good)], &other[key_at(&other)..]);
    for text in ["", &good[..key_at(&good)], &good[key_at(&good)..], &mixed] {
        std::fs::write(&file, text).unwrap();
        let error = open().unwrap_err();
        assert!(matches!(error, TlsError::Damaged { .. }), "{error}");
        assert_eq!(error.code(), Code::DatabaseDamaged);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
    }
}

#[tokio::test(start_paused = true)]
async fn renewal_goes_on_until_shutdown() {
    let dir = tempfile::tempdir().unwrap();
    let clock = clock();
    new_authority(dir.path(), &clock);
    let certificates = std::sync::Arc::new(
        Certificates::open(dir.path(), names("https://a.example"), clock.clone()).unwrap(),
    );
    let first = certificates.leaf_not_after();
    clock.advance(DAY * 70);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let task = tokio::spawn(keep_renewed(certificates.clone(), Duration::from_secs(3_600), async {
        let _ = stopped.await;
    }));
    while certificates.leaf_not_after() == first {
        tokio::time::sleep(Duration::from_secs(600)).await;
    }
    stop.send(()).unwrap();
    task.await.unwrap();
}
