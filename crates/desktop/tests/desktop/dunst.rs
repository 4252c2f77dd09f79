//! Pop-ups on a screen, by a daemon that people use.

use crate::kit::{Shown, held, not_backed_up};
use desktop::Memory;
use notices::Value;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use testkit::{Apart, Ended, wait_until};

/// Names a folder in which the pictures of the screen are kept, for people to look at.
const PICTURES: &str = "HOLDFAST_TEST_PICTURES";

/// The colour of the amber sign.
const AMBER: [u8; 3] = [0xf5, 0xa3, 0x0b];

/// A screen without a monitor, and its name.
fn screen() -> (Ended, String) {
    let mut server = Command::new("Xvfb")
        .args(["-displayfd", "1", "-screen", "0", "800x600x24", "-nolisten", "tcp"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("Xvfb, of the package xvfb");
    let mut number = String::new();
    // It says its number when it takes clients.
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut number).unwrap();
    (Ended(server), format!(":{}", number.trim()))
}

fn dunstctl(arguments: &[&str]) -> String {
    let output = Command::new("dunstctl").args(arguments).output().expect("dunstctl, of the package dunst");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// How many pixels of the screen have a colour.
fn count_pixels(display: &str, folder: &Path, colour: [u8; 3]) -> usize {
    let path = folder.join("screen.png");
    let taken = Command::new("import")
        .args(["-display", display, "-window", "root", "-depth", "8"])
        .arg(format!("png24:{}", path.display()))
        .status();
    assert!(taken.expect("import, of the package imagemagick").success());
    let mut reader = png::Decoder::new(BufReader::new(File::open(&path).unwrap())).read_info().unwrap();
    let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
    reader.next_frame(&mut bytes).unwrap();
    bytes.chunks_exact(3).filter(|pixel| **pixel == colour).count()
}

#[test]
fn dunst_shows_what_holds_with_our_picture_and_takes_it_away() {
    Apart::new("dunst::dunst_shows_what_holds_with_our_picture_and_takes_it_away").run(|around| {
        around.start_bus();
        let (_server, display) = screen();
        let daemon = Command::new("dunst").env("DISPLAY", &display).stderr(Stdio::null()).spawn();
        let _daemon = Ended(daemon.expect("dunst, of the package dunst"));
        wait_until("dunst answers", || dunstctl(&["count", "displayed"]) == "0");
        assert_eq!(count_pixels(&display, around.folder(), AMBER), 0, "the screen is empty");

        let shown = Shown::start(around.folder(), Memory::default());
        let network = Value::Text("R&D <5G>".into());
        let network = held("backup_interrupted_network_disabled", Some(("network", network)), 2);
        shown.show(&[not_backed_up(8, 1), network.clone(), held("account_disabled", None, 3)]);
        wait_until("dunst shows three", || dunstctl(&["count", "displayed"]) == "3");
        wait_until("our picture is on the screen", || count_pixels(&display, around.folder(), AMBER) > 100);
        if let Some(folder) = std::env::var_os(PICTURES) {
            std::fs::copy(around.folder().join("screen.png"), PathBuf::from(folder).join("dunst.png"))
                .unwrap();
        }

        shown.show(std::slice::from_ref(&network));
        wait_until("dunst shows one", || dunstctl(&["count", "displayed"]) == "1");
        wait_until("the picture is gone", || count_pixels(&display, around.folder(), AMBER) == 0);
        shown.show(&[]);
        wait_until("dunst shows none", || dunstctl(&["count", "displayed"]) == "0");

        // What it was given, from its own memory.
        let history: serde_json::Value = serde_json::from_str(&dunstctl(&["history"])).unwrap();
        let entries = history["data"][0].as_array().unwrap();
        let text = |entry: &serde_json::Value, name: &str| entry[name]["data"].as_str().unwrap().to_owned();
        let mut seen: Vec<_> =
            entries.iter().map(|entry| (text(entry, "summary"), text(entry, "body"))).collect();
        seen.sort();
        let expected = [
            ("Authentication Error", "Admin has disabled the account. Please contact your IT administrator."),
            (
                "Backup Interrupted",
                "Backup disabled on R&amp;D &lt;5G&gt;. Holdfast will retry after some time.",
            ),
            ("Device not backed up", "Your device has not backed up for 8 days."),
        ];
        assert_eq!(seen, expected.map(|(summary, body)| (summary.to_owned(), body.to_owned())));
        assert!(entries.iter().all(|entry| text(entry, "appname") == "Holdfast"));
    });
}
