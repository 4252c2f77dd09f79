//! The socket by which programs of one machine talk.

use platform::socket::{Listener, connect};
use platform::{permissions, process};
use std::io::{ErrorKind, Read};
use std::path::Path;
use std::time::Duration;

/// Longer than any test takes.
const LONG: Duration = Duration::from_secs(600);

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn the_user_at_the_other_end_is_known_whatever_the_length_of_the_path() {
    let temp = tempfile::tempdir().unwrap();
    let deep = temp.path().join("d".repeat(200));
    std::fs::create_dir(&deep).unwrap();
    for folder in [temp.path(), &deep] {
        let path = folder.join("socket");
        assert_eq!(connect(&path, LONG).unwrap_err().kind(), ErrorKind::NotFound);
        runtime().block_on(async {
            let listener = Listener::bind(&path, 0o600).unwrap();
            assert_eq!(permissions::mode(&path), Ok(0o600));
            let asked = std::thread::spawn({
                let path = path.clone();
                move || {
                    let end = connect(&path, LONG).unwrap().read(&mut [0; 1]).unwrap();
                    assert_eq!(end, 0);
                }
            });
            let (connection, user) = listener.accept().await.unwrap();
            assert_eq!(user, process::effective_uid().unwrap());
            drop(connection);
            asked.join().unwrap();
        });
        // The name is left, and nobody is behind it.
        assert_eq!(connect(&path, LONG).unwrap_err().kind(), ErrorKind::ConnectionRefused);
        let taken = runtime().block_on(async { Listener::bind(&path, 0o600).unwrap_err() });
        assert_eq!(taken.kind(), ErrorKind::AddrInUse);
    }
    assert!(connect(Path::new("/"), LONG).is_err());
}

#[test]
fn who_says_nothing_is_not_waited_for() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("socket");
    let runtime = runtime();
    let _guard = runtime.enter();
    let _listener = Listener::bind(&path, 0o600).unwrap();
    let mut stream = connect(&path, Duration::from_millis(20)).unwrap();
    let waited = stream.read(&mut [0; 1]).unwrap_err().kind();
    assert!(matches!(waited, ErrorKind::WouldBlock | ErrorKind::TimedOut), "{waited}");
}
