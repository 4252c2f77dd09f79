//! Records of cleanup runs.

use crate::{Fixture, at};
use meta::{CleanupRun, Error};
use model::VaultId;
use serde_json::json;

#[tokio::test]
async fn the_last_report_outlives_a_run_that_is_cut_off() {
    let fixture = Fixture::new().await;
    let vault = fixture.household("ann").await.vault.id;
    assert_eq!(fixture.meta.cleanup_run(vault).await.unwrap(), None);
    let early = fixture.meta.finish_cleanup(vault, at(9), &json!({})).await;
    assert!(matches!(early, Err(Error::VaultUnknown { .. })), "none has begun");

    fixture.meta.start_cleanup(vault, at(10)).await.unwrap();
    let mut run = CleanupRun { vault, started: at(10), finished: None, report: None };
    assert_eq!(fixture.meta.cleanup_run(vault).await.unwrap().as_ref(), Some(&run));
    let report = json!({"removed_frames": 3});
    fixture.meta.finish_cleanup(vault, at(20), &report).await.unwrap();
    (run.finished, run.report) = (Some(at(20)), Some(report));
    assert_eq!(fixture.meta.cleanup_run(vault).await.unwrap().as_ref(), Some(&run));
    fixture.meta.start_cleanup(vault, at(30)).await.unwrap();
    run.started = at(30);
    assert_eq!(fixture.meta.cleanup_run(vault).await.unwrap(), Some(run));
    let unknown = fixture.meta.start_cleanup(VaultId::random(), at(1)).await;
    assert!(matches!(unknown, Err(Error::VaultUnknown { .. })));
}
