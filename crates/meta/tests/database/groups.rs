//! Groups of users.

use crate::{Fixture, at};
use meta::{Change, Error, Group};
use model::GroupId;
use model::policy::PolicyPart;

pub(crate) fn group(name: &str) -> Group {
    let policy = PolicyPart { quota_bytes: Some(7), ..PolicyPart::default() };
    Group { id: GroupId::random(), name: name.to_owned(), created: at(1), changed: at(1), policy }
}

#[tokio::test]
async fn everybody_is_in_one_group_and_the_first_is_always_there() {
    let fixture = Fixture::new().await;
    let meta = &fixture.meta;
    let ann = meta.add_user("ann", at(1)).await.unwrap();
    assert_eq!(ann.group, GroupId::DEFAULT);
    let sales = group("Sales");
    meta.add_group(&sales).await.unwrap();
    assert!(matches!(meta.add_group(&group("sALES")).await, Err(Error::NameTaken { .. })));
    assert_eq!(meta.find_group("SALES").await.unwrap().as_ref(), Some(&sales));
    let moved = meta.set_user_group(ann.id, sales.id).await.unwrap();
    assert_eq!(meta.user(ann.id).await.unwrap(), Some(moved));
    let counts: Vec<_> =
        meta.groups().await.unwrap().into_iter().map(|(group, users)| (group.name, users)).collect();
    assert_eq!(counts, [("default".to_owned(), 0), ("Sales".to_owned(), 1)]);
    let nowhere = GroupId::random();
    let unknown = meta.set_user_group(ann.id, nowhere).await;
    assert!(matches!(unknown, Err(Error::GroupUnknown { group }) if group == nowhere));
    assert!(matches!(meta.remove_group(GroupId::DEFAULT).await, Err(Error::GroupInUse { users: 0 })));
}

#[tokio::test]
async fn only_a_group_without_users_goes() {
    let fixture = Fixture::new().await;
    let meta = &fixture.meta;
    let ann = meta.add_user("ann", at(1)).await.unwrap();
    let sales = group("sales");
    meta.add_group(&sales).await.unwrap();
    meta.set_user_group(ann.id, sales.id).await.unwrap();
    assert!(matches!(meta.remove_group(sales.id).await, Err(Error::GroupInUse { users: 1 })));
    // Who is removed for good keeps nothing from going.
    meta.change_user(ann.id, Change::Remove, at(2)).await.unwrap();
    meta.remove_group(sales.id).await.unwrap();
    assert_eq!(meta.group(sales.id).await.unwrap(), None);
    assert_eq!(meta.user(ann.id).await.unwrap().unwrap().group, GroupId::DEFAULT);
}

#[tokio::test]
async fn what_a_group_sets_is_replaced_as_a_whole() {
    let fixture = Fixture::new().await;
    let meta = &fixture.meta;
    let sales = group("sales");
    meta.add_group(&sales).await.unwrap();
    let policy = PolicyPart { tray_icon: Some(false), ..PolicyPart::default() };
    let changed = meta.set_group_policy(sales.id, &policy, at(9)).await.unwrap();
    assert_eq!(changed, Group { policy, changed: at(9), ..sales });
    assert_eq!(meta.group(changed.id).await.unwrap(), Some(changed));
}
