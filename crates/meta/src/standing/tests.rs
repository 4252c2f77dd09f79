//! Every change of every state, and what each pair of states keeps from working.

use super::*;
use State::{Active, Deactivated, Deleted, Disabled, Removed};

const ALL: [State; 5] = [Active, Disabled, Deleted, Deactivated, Removed];
const T0: Timestamp = Timestamp::from_secs(1_000);
const T1: Timestamp = Timestamp::from_secs(2_000);

fn from(state: State) -> Standing {
    Standing { before: (state == Deleted).then_some(Active), ..Standing::of(state, T0) }
}

#[test]
fn every_change_of_every_state() {
    // Columns: active, disabled, deleted (from active), deactivated, removed.
    let table: [(Change, [Result<State, State>; 5]); 7] = [
        (Change::Disable, [Ok(Disabled), Ok(Disabled), Err(Deleted), Err(Deactivated), Err(Removed)]),
        (Change::Enable, [Ok(Active), Ok(Active), Err(Deleted), Err(Deactivated), Err(Removed)]),
        (Change::Delete, [Ok(Deleted), Ok(Deleted), Ok(Deleted), Ok(Deleted), Err(Removed)]),
        (Change::Undelete, [Ok(Active), Ok(Disabled), Ok(Active), Ok(Deactivated), Err(Removed)]),
        (Change::Deactivate, [Ok(Deactivated), Err(Disabled), Err(Deleted), Ok(Deactivated), Err(Removed)]),
        (Change::Replace, [Ok(Active), Ok(Active), Err(Deleted), Ok(Active), Err(Removed)]),
        (Change::Remove, [Ok(Removed), Ok(Removed), Ok(Removed), Ok(Removed), Ok(Removed)]),
    ];
    for (change, results) in table {
        for (state, expected) in ALL.into_iter().zip(results) {
            let changed = from(state).changed(change, T1);
            assert_eq!(changed.map(|standing| standing.state), expected, "{change:?} of {state}");
            if let Ok(standing) = changed {
                let since = if standing.state == state { T0 } else { T1 };
                assert_eq!(standing.since, since, "{change:?} of {state}");
                assert_eq!(standing.changed(change, T1), Ok(standing), "{change:?} of {state} once more");
            }
        }
    }
}

#[test]
fn what_is_brought_back_stands_where_it_stood_for_seven_days() {
    for state in [Active, Disabled, Deactivated] {
        let deleted = from(state).changed(Change::Delete, T1).unwrap();
        assert_eq!((deleted.before, deleted.undo_until()), (Some(state), Some(T1.after(UNDO))));
        let last = Timestamp::from_micros(T1.after(UNDO).as_micros() - 1);
        assert!(!deleted.is_overdue(last));
        let back = deleted.changed(Change::Undelete, last).unwrap();
        assert_eq!(back, Standing::of(state, last));
        assert!(deleted.is_overdue(T1.after(UNDO)));
        for change in [Change::Undelete, Change::Delete, Change::Enable, Change::Replace] {
            assert_eq!(deleted.changed(change, T1.after(UNDO)), Err(Removed), "{change:?}");
        }
        let removed = deleted.changed(Change::Remove, T1.after(UNDO)).unwrap();
        assert_eq!((removed.state, removed.before), (Removed, None));
    }
}

#[test]
fn a_device_works_when_it_and_its_user_are_active() {
    for device in ALL {
        for user in ALL {
            let bar = Bar::of(device, user);
            assert_eq!(bar.is_none(), (device, user) == (Active, Active), "{device} of {user}");
        }
    }
    assert_eq!(Bar::of(Disabled, Active), Some(Bar::DeviceDisabled));
    assert_eq!(Bar::of(Active, Disabled), Some(Bar::AccountDisabled));
    assert_eq!(Bar::of(Disabled, Disabled), Some(Bar::AccountDisabled));
    assert_eq!(Bar::of(Active, Deleted), Some(Bar::DeviceDeleted));
    assert_eq!(Bar::of(Removed, Active), Some(Bar::DeviceDeleted));
    assert_eq!(Bar::of(Deactivated, Disabled), Some(Bar::DeviceDeactivated));
}
