//! What the machine runs on.

use crate::{Watched, bus};
use surroundings::{Change, Power};
use testkit::Apart;
use testkit::doubles::{PowerState, UPower};

const UNKNOWN: Power = Power { on_battery: None, percent: None };

#[test]
fn the_battery_is_read_and_watched_while_somebody_tells() {
    Apart::new("power::the_battery_is_read_and_watched_while_somebody_tells").run(|around| {
        // No bus, a bus without the service, the service, the bus anew.
        let watched = Watched::start();
        assert_eq!(watched.surroundings.power(), UNKNOWN);
        around.start_bus();
        watched.wait_for(Change::Power);
        assert_eq!(watched.surroundings.power(), UNKNOWN);

        let state = PowerState { on_battery: false, is_present: true, percentage: 81.0 };
        let upower = UPower::start(&bus(), state);
        watched.wait_for(Change::Power);
        assert_eq!(watched.surroundings.power(), Power { on_battery: Some(false), percent: Some(81) });
        watched.settle();
        upower.unplug();
        watched.wait_for(Change::Power);
        watched.settle();
        upower.drain_to(29.9);
        watched.wait_for(Change::Power);
        assert_eq!(watched.surroundings.power(), Power { on_battery: Some(true), percent: Some(29) });

        upower.end();
        watched.wait_for(Change::Power);
        assert_eq!(watched.surroundings.power(), UNKNOWN);
        watched.settle();
        around.stop_bus();
        watched.wait_for(Change::Power);
        around.start_bus();
        watched.wait_for(Change::Power);
        watched.settle();
        let _upower = UPower::start(&bus(), PowerState { is_present: false, ..state });
        watched.wait_for(Change::Power);
        assert_eq!(watched.surroundings.power(), Power { on_battery: Some(false), percent: None });
    });
}
