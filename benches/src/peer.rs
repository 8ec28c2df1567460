//! What is measured, and with which events.

use std::path::{Path, PathBuf};

/// A bootstrap with an event that it is called with.
pub(crate) struct Peer {
    pub(crate) name: String,
    /// The program.
    pub(crate) binary: PathBuf,
    /// Its package, as it is uploaded.
    pub(crate) package: PathBuf,
    /// The event; `{{n}}` in it becomes another number in each call.
    pub(crate) event: String,
}

/// A response that opens no case: the most frequent call there is.
const SUBMISSION: &str = include_str!("../events/submission.json");

/// Those to compare with first; the very first is the floor.
pub(crate) fn all(target: &Path) -> Vec<Peer> {
    macro_rules! event {
        ($path:literal) => {
            include_str!(concat!("../../functions/", $path, ".json"))
        };
    }
    let others =
        ["hello", "hello-current-thread", "default-sdk"].map(|name| (name, SUBMISSION, false));
    let functions = [
        ("submit-feedback", SUBMISSION),
        ("serve-pages", event!("serve-pages/events/form")),
        ("manage-cases", event!("manage-cases/events/list")),
        ("report-nps", event!("report-nps/events/report")),
        ("relay-events", event!("relay-events/events/stream")),
        ("alert-breaches", event!("alert-breaches/events/tick")),
        ("notify-staff", event!("notify-staff/events/warned")),
        ("close-loop", event!("close-loop/events/resolved")),
        ("aggregate-nps", event!("aggregate-nps/events/tick")),
    ];
    let functions = functions.map(|(name, event)| (name, event, true));
    let peers = others.into_iter().chain(functions);
    let peers = peers.map(|(name, event, shipped)| Peer {
        name: name.to_owned(),
        binary: target
            .join(if shipped { "release" } else { "peers/release" })
            .join(name),
        package: target.join(format!("bench/{name}.zip")),
        event: event.trim().to_owned(),
    });
    peers.filter(|peer| peer.binary.exists()).collect()
}
