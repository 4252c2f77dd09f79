//! A connection to a bus that really comes and goes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking"
)]

use bus::{Bus, Error, Heard, Which};
use crossbeam_channel::{Receiver, unbounded};
use std::time::Duration;
use testkit::Apart;
use zbus::blocking::{Connection, connection::Builder};

const NAME: &str = "org.example.Thing";
const PATH: &str = "/org/example/Thing";

struct Thing;

#[zbus::interface(name = "org.example.Thing")]
impl Thing {
    fn double(&self, number: u32) -> u32 {
        number * 2
    }

    #[zbus(property)]
    fn colour(&self) -> &'static str {
        "blue"
    }
}

fn thing() -> Connection {
    let builder = Builder::session().unwrap().serve_at(PATH, Thing).unwrap();
    builder.name(NAME).unwrap().build().unwrap()
}

fn open() -> (Bus, Receiver<Heard>) {
    let (sender, heard) = unbounded();
    let rules = vec![Bus::owner_rule(NAME), format!("type='signal',interface='{NAME}'")];
    (Bus::open(Which::Session, rules, move |what| sender.send(what).unwrap()).unwrap(), heard)
}

fn next(heard: &Receiver<Heard>) -> Heard {
    heard.recv_timeout(Duration::from_mins(1)).expect("something is heard")
}

#[test]
fn a_service_is_asked_and_heard_when_it_is_there() {
    Apart::new("a_service_is_asked_and_heard_when_it_is_there").run(|around| {
        around.start_bus();
        let (bus, heard) = open();
        assert!(matches!(next(&heard), Heard::Connected));
        let colour = || bus.property::<String>(NAME, PATH, (NAME, "Colour"));
        let double = || bus.call::<u32>(NAME, PATH, (NAME, "Double"), &(21_u32,));
        assert!(matches!(colour(), Err(Error::NoService)));
        assert!(matches!(double(), Err(Error::NoService)));

        let thing = thing();
        let Heard::Signal(came) = next(&heard) else { panic!("the service came") };
        let owner = thing.unique_name().unwrap().to_string();
        assert_eq!(came.owner_changed(), Some((NAME.to_owned(), Some(owner.clone()))));
        assert_eq!((colour().unwrap(), double().unwrap()), ("blue".into(), 42));
        assert_eq!(bus.owner(NAME).unwrap(), owner);
        assert!(matches!(bus.property::<String>(NAME, PATH, (NAME, "Size")), Err(Error::Failed(_))));
        assert!(matches!(bus.property::<u32>(NAME, PATH, (NAME, "Colour")), Err(Error::Failed(_))));

        thing.emit_signal(None::<&str>, PATH, NAME, "Moved", &(3_u32, "left")).unwrap();
        let Heard::Signal(moved) = next(&heard) else { panic!("it moved") };
        assert!(moved.is(NAME, "Moved") && !moved.is(NAME, "Turned"));
        assert_eq!((moved.sender(), moved.path()), (owner, PATH.to_owned()));
        assert_eq!(moved.arguments::<(u32, String)>().unwrap(), (3, "left".into()));
        assert!(moved.arguments::<String>().is_err());
        assert_eq!(moved.owner_changed(), None);

        thing.close().unwrap();
        let Heard::Signal(went) = next(&heard) else { panic!("the service went") };
        assert_eq!(went.owner_changed(), Some((NAME.to_owned(), None)));
    });
}

#[test]
fn a_bus_that_restarts_is_found_again() {
    Apart::new("a_bus_that_restarts_is_found_again").run(|around| {
        let (bus, heard) = open();
        assert!(matches!(bus.id(), Err(Error::NoBus)));
        around.start_bus();
        assert!(matches!(next(&heard), Heard::Connected));
        let first = bus.id().unwrap();

        around.stop_bus();
        assert!(matches!(next(&heard), Heard::Lost));
        assert!(bus.id().is_err());
        around.start_bus();
        assert!(matches!(next(&heard), Heard::Connected));
        assert_ne!(bus.id().unwrap(), first);
        // The rules were set anew.
        let _thing = thing();
        assert!(matches!(next(&heard), Heard::Signal(_)));
    });
}

#[test]
fn the_end_waits_for_nobody() {
    Apart::new("the_end_waits_for_nobody").run(|around| {
        let (bus, heard) = open();
        drop(bus);
        assert!(heard.recv().is_err(), "the thread is gone, without a bus");
        around.start_bus();
        let (bus, heard) = open();
        assert!(matches!(next(&heard), Heard::Connected));
        drop(bus);
        assert!(heard.recv().is_err(), "the thread is gone, and told of no loss");
    });
}
