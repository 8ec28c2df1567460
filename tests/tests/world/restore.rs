//! A lost table, and the stack that works on from a restored one.

use resound_domain::id::CaseId;
use resound_lambda_kit::timing;
use resound_store::Restored;
use resound_tests::World;
use resound_tests::faults::Fault;
use serde_json::{Value, json};

use crate::main_job::complaint;

/// A stack that was lost: the table at the restore point, and what the customers had been told by the loss.
struct Lost {
    items: Vec<Value>,
    /// Told before the restore point.
    told: CaseId,
    /// To be told at the restore point, and told since.
    since: CaseId,
    /// The same, after a first attempt that was refused.
    retried: CaseId,
    /// The status page of the last one.
    status: String,
}

async fn lose() -> Lost {
    let mut world = World::new().await;
    let resolve = json!({"command": "resolve", "message": "Done."});
    world.submit(json!({"nps": 9})).await;
    let told = world.submit(complaint()).await.case;
    world.command(told, resolve.clone()).await;
    world.drain().await;
    let retried = world.submit(complaint()).await;
    world.command(retried.case, resolve.clone()).await;
    world.relay_only().await;
    world.strike_at("POST /v2/email", Fault::Throttled).await;
    let since = world.submit(complaint()).await.case;
    world.command(since, resolve).await;
    let items = world.items();
    world.drain().await;
    assert_eq!(world.mails().len(), 3, "all of them were told in the end");
    Lost {
        items,
        told,
        since,
        retried: retried.case,
        status: retried.status,
    }
}

#[tokio::test]
async fn nobody_is_told_twice_after_a_restore() {
    let lost = lose().await;
    let mut world = World::new().await;
    let source = world.restored(&lost.items);
    let restored = world.store.restore_from(&source).await.unwrap();
    let watermark = 1; // a new world has counted the night before its first
    assert_eq!(
        restored,
        Restored {
            copied: u64::try_from(lost.items.len()).unwrap() - watermark,
            present: watermark,
            doubts: 2,
        }
    );
    world.drain().await;
    world.pass(timing::FIRST_BACK_OFF);
    world.settle().await;

    assert!(world.mails().is_empty(), "they may have been told before");
    assert_eq!(world.log(lost.told).await, ["opened", "resolved"]);
    for case in [lost.since, lost.retried] {
        assert_eq!(
            world.log(case).await,
            ["opened", "resolved", "notice_in_doubt"]
        );
    }
    assert_eq!(world.alerts().len(), 2, "staff look at both");
    let status = world.get(&lost.status).await.expect(200).json();
    assert_eq!(status["state"], "resolved");

    // Broken off and begun again, also while the stack works.
    let again = world.store.restore_from(&source).await.unwrap();
    assert_eq!((again.copied, again.doubts), (0, 0));
    let reopen = json!({"command": "reopen"});
    world.command(lost.since, reopen).await;
    world.advance("P8D").await;
    world.settle().await;
}
