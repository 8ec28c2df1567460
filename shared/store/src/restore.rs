//! From a restored table to one that works.

use futures::stream::{self, TryStreamExt};
use jiff::{SignedDuration, Timestamp};
use resound_domain::event::Effect;
use resound_domain::route::Route;

use crate::dynamo::{Item, Written, key_of};
use crate::item::{StatusName, Stored, attribute, encode, read_entry};
use crate::key::{Key, Medium, NoticeKey, Recipient};
use crate::notices::attempt;
use crate::{Store, StoreError, StoredEvent};

/// How many items are written at once.
const AT_ONCE: usize = 32;

/// By what customers are told at most once.
const AT_MOST_ONCE: [Medium; 2] = [Medium::of(Route::Email), Medium::of(Route::Sms)];

/// What came of filling a table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Restored {
    /// Items that were copied.
    pub copied: u64,
    /// Items that were there before, and were not touched.
    pub present: u64,
    /// Letters to customers that may have gone out since the restore point, and are not sent again.
    pub doubts: u64,
}

/// The two halves of a copy: what an event leads to is there before the event is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Half {
    Rest,
    Events,
}

impl Store {
    /// Fills this table, which belongs to a stack, from the table `source`: a restored copy of one that was lost.
    ///
    /// A letter to a customer that was still to be sent at the restore point may have been sent since, and the ledger
    /// that said so is lost. It is entered as an attempt that nobody finished. So `close-loop` does not send it but
    /// records a doubt, and staff are alerted to look: at most once holds across the loss. Alerts to staff are sent
    /// again. An announcement or a beta that ran stands still until it is stopped and gone on with: whom it told since is not known. Every
    /// open case is then looked at once for a change of the rules that it may have missed.
    ///
    /// Reads both halves of `source` in full. Overwrites nothing, so it can be repeated after it broke off, and the
    /// stack may be running meanwhile.
    ///
    /// # Errors
    /// [`StoreError`]; some items may have been copied by then.
    pub async fn restore_from(&self, source: &str) -> Result<Restored, StoreError> {
        let mut restored = Restored::default();
        for half in [Half::Rest, Half::Events] {
            let mut start = None;
            loop {
                let (items, next) = self.scan_page(source, start).await?;
                let ours = items.into_iter().filter(|item| half_of(item) == half);
                let copies = stream::iter(ours.map(Ok::<_, StoreError>));
                let done = copies
                    .map_ok(|item| self.restore(item))
                    .try_buffer_unordered(AT_ONCE);
                restored = done
                    .try_fold(restored, |sum, one| async move {
                        Ok(Restored {
                            copied: sum.copied + one.copied,
                            present: sum.present + one.present,
                            doubts: sum.doubts + one.doubts,
                        })
                    })
                    .await?;
                if next.is_none() {
                    break;
                }
                start = next;
            }
        }
        // A running stack may have walked what was here before.
        self.walk_anew().await?;
        Ok(restored)
    }

    async fn restore(&self, mut item: Item) -> Result<Restored, StoreError> {
        let mut restored = Restored::default();
        let mut doubtful = 0;
        match Key::decode(&key_of(&item)) {
            Ok(Key::Event { case, seq }) if owes_a_letter(&item) => {
                let cause = StoredEvent::read(item.clone())
                    .map_or(seq, |stored| stored.event.kind.tells_of(seq));
                let (mut is_begun, mut is_known) = (false, false);
                for medium in AT_MOST_ONCE {
                    let key = Key::Notice(NoticeKey {
                        case,
                        cause,
                        recipient: Recipient::Customer,
                        medium,
                    });
                    let begun = attempt("restore", Timestamp::UNIX_EPOCH, SignedDuration::ZERO);
                    match self.put_new(encode(&key, &begun)?).await? {
                        Written::Done => is_begun = true,
                        // The ledger has an entry, which was copied in the first half. Unless nobody was told by it, the
                        // other medium was not taken.
                        Written::Refused(Some(old)) => {
                            let entry = read_entry(old)?;
                            let is_told = entry.outcome().is_none_or(|told| told.is_told());
                            is_known |= is_told && entry.failed.is_none();
                        }
                        Written::Refused(None) => is_known = true,
                    }
                }
                restored.doubts += u64::from(is_begun && !is_known);
            }
            // An attempt that certainly failed may have been followed by one that did not.
            Ok(Key::Notice(key))
                if key.recipient == Recipient::Customer
                    && item.get("status") == Some(&attribute(&StatusName::Released)?) =>
            {
                item.insert("status".to_owned(), attribute(&StatusName::InProgress)?);
                item.insert(
                    "leased_until".to_owned(),
                    attribute(&Timestamp::UNIX_EPOCH)?,
                );
                doubtful = 1;
            }
            // As for a letter about a case.
            Ok(Key::Announced(_))
                if item.get("status") == Some(&attribute(&StatusName::Released)?) =>
            {
                item.insert("status".to_owned(), attribute(&StatusName::InProgress)?);
                item.insert(
                    "leased_until".to_owned(),
                    attribute(&Timestamp::UNIX_EPOCH)?,
                );
                doubtful = 1;
            }
            // It tells how far the cases of another table were walked.
            Ok(Key::Walk) => return Ok(restored),
            // Whom an announcement or a beta wrote to since the restore point is lost: it stands still until a person goes on
            // with it.
            Ok(Key::Running(_) | Key::Trying(_)) => return Ok(restored),
            Ok(_) | Err(_) => {}
        }
        match self.put_new(item).await? {
            Written::Done => {
                restored.copied += 1;
                restored.doubts += doubtful;
            }
            Written::Refused(_) => restored.present += 1,
        }
        Ok(restored)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a copy reads everything, on behalf of a person and in no function"
    )]
    async fn scan_page(
        &self,
        table: &str,
        start: Option<Item>,
    ) -> Result<(Vec<Item>, Option<Item>), StoreError> {
        let page = self
            .client
            .scan()
            .table_name(table)
            .consistent_read(true)
            .set_exclusive_start_key(start)
            .send()
            .await
            .map_err(StoreError::from_sdk)?;
        let next = page.last_evaluated_key.filter(|key| !key.is_empty());
        Ok((page.items.unwrap_or_default(), next))
    }
}

fn half_of(item: &Item) -> Half {
    match key_of(item).sk.starts_with("EVENT#") {
        true => Half::Events,
        false => Half::Rest,
    }
}

fn owes_a_letter(event: &Item) -> bool {
    let open = event.get("open").and_then(|open| open.as_ss().ok());
    let letter = Effect::CustomerNotice.name();
    open.is_some_and(|open| open.iter().any(|effect| effect == letter))
}
