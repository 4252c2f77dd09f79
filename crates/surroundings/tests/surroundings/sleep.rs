//! Going to sleep and waking.

use crate::{Watched, bus};
use surroundings::Change;
use testkit::Apart;
use testkit::doubles::Login;

#[test]
fn sleep_is_told_at_once_and_by_logind_alone() {
    Apart::new("sleep::sleep_is_told_at_once_and_by_logind_alone").run(|around| {
        around.start_bus();
        let watched = Watched::start();
        watched.wait_for(Change::Power);
        let login = Login::start(&bus());
        watched.settle();
        Login::impostor(&bus()).prepare_for_sleep(true);
        login.prepare_for_sleep(true);
        login.prepare_for_sleep(false);
        let told = || watched.changes.recv_timeout(std::time::Duration::from_mins(1)).unwrap();
        assert_eq!([told(), told()], [Change::GoingToSleep, Change::Woke]);
        // Meanwhile everything may have changed.
        assert_eq!([told(), told()], [Change::Network, Change::Power]);
    });
}
