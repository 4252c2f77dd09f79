//! A recovery that is killed is begun again, as often as it takes.

use crate::{History, lose_all_but_the_store, take_recovery_file};
use e2e::Site;
use std::path::Path;

/// The status of a command that a fail point has ended.
const ABORTED: i32 = 128 + 6;

#[test]
fn a_recovery_killed_anywhere_is_done_again() {
    for from_backup in [false, true] {
        let mut site = Site::new();
        let recovery = take_recovery_file(&site);
        let mut laptop = History::new(&site, "laptop");
        laptop.back_up();
        let backup = site.path("backup");
        site.server.run([Path::new("backup"), &backup]).ok();
        laptop.back_up();
        site.server.stop();

        let mut arguments = vec!["recover", "--recovery-file", recovery.to_str().unwrap()];
        if from_backup {
            arguments.extend(["--backup", backup.to_str().unwrap()]);
        }
        lose_all_but_the_store(site.server.data());
        let log = site.path("points");
        site.server.set("HOLDFAST_FAIL_LOG", log.to_str().unwrap());
        site.server.run(&arguments).ok();
        site.server.unset("HOLDFAST_FAIL_LOG");
        let hits = std::fs::read_to_string(&log).unwrap().lines().count();
        assert!(hits > 10, "a recovery passes {hits} fail points");
        for hit in (1..=hits).step_by(2) {
            lose_all_but_the_store(site.server.data());
            site.server.set("HOLDFAST_FAIL", &format!("*:{hit}"));
            site.server.run(&arguments).expect(ABORTED);
            site.server.unset("HOLDFAST_FAIL");
            let again = site.server.run(&arguments);
            // Killed behind its end it is a server already.
            assert!([0, 11].contains(&again.status), "killed at hit {hit}: {again}");
            site.server.start();
            assert_eq!(laptop.agent.snapshots().len(), 2, "killed at hit {hit}");
            site.server.stop();
        }
        site.server.start();
        laptop.assert_all_restore(&site, &[]);
        laptop.back_up();
        site.server.verify();
    }
}
