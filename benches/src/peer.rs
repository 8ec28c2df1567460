//! What is measured, with which events, and what AWS answers meanwhile.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

/// Answers of AWS by the names of their calls.
pub(crate) type Answers = Arc<BTreeMap<String, Value>>;

/// A bootstrap with an event that it is called with.
pub(crate) struct Peer {
    pub(crate) name: String,
    /// Whether it is a function of ours, and nothing to compare with.
    pub(crate) is_ours: bool,
    /// The program.
    pub(crate) binary: PathBuf,
    /// Its package, as it is uploaded.
    pub(crate) package: PathBuf,
    /// The event; `{{n}}` in it becomes another number in each call.
    pub(crate) event: String,
    /// What AWS answers; nothing in particular to what is not in it.
    pub(crate) answers: Answers,
}

/// A response that opens no case: the most frequent call there is. AWS answers nothing in particular.
const SUBMISSION: &str = include_str!("../events/submission.json");

/// Those to compare with first; the very first is the floor.
pub(crate) fn all(target: &Path) -> Vec<Peer> {
    macro_rules! recorded {
        ($($name:literal),*) => {
            [$(($name, include_str!(concat!("../recorded/", $name, ".json")))),*]
        };
    }
    let plain = |name: &'static str, folder| {
        let event = SUBMISSION.trim().to_owned();
        (name, folder, event, Answers::default())
    };
    let others =
        ["hello", "hello-current-thread", "default-sdk"].map(|name| plain(name, "peers/release"));
    let recorded = recorded!(
        "serve-pages",
        "take-answers",
        "manage-cases",
        "report-nps",
        "manage-policy",
        "relay-events",
        "alert-breaches",
        "notify-staff",
        "close-loop",
        "aggregate-nps",
        "watch-risks",
        "manage-issues",
        "link-issues",
        "settle-notices",
        "tell-reporters",
        "write-reports",
        "serve-reports"
    );
    let recorded = recorded.map(|(name, recording)| {
        let mut recording: Value = serde_json::from_str(recording).expect("a recording");
        let answers = serde_json::from_value(recording["answers"].take()).expect("answers");
        (
            name,
            "release",
            recording["event"].to_string(),
            Arc::new(answers),
        )
    });
    let peers = others.into_iter();
    let peers = peers
        .chain([plain("submit-feedback", "release")])
        .chain(recorded);
    let peers = peers.map(|(name, folder, event, answers)| Peer {
        name: name.to_owned(),
        is_ours: folder == "release",
        binary: target.join(folder).join(name),
        package: target.join(format!("bench/{name}.zip")),
        event,
        answers,
    });
    peers.filter(|peer| peer.binary.exists()).collect()
}
