//! Whose turn it is: a counter for each rule of assignment.

use crate::dynamo::Written;
use crate::item::{TURNS, TurnsItem, encode};
use crate::key::{Key, Part};
use crate::{Store, StoreError};

impl Store {
    /// Takes the next turn of a rule, from 0 on. No two callers get the same one, and every turn is got by somebody,
    /// unless the answer of a call is lost or its caller stops: then that turn is skipped.
    ///
    /// This is the one call that cannot be repeated: each is a turn of its own.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn next_turn(&self, rule: &str) -> Result<u64, StoreError> {
        let rule = Part::new(rule).map_err(|error| StoreError::Rejected(error.into()))?;
        let key = Key::Turns { rule };
        if let Some(turns) = self.increment(&key, TURNS).await? {
            return Ok(turns.saturating_sub(1));
        }
        if let Written::Done = self.put_new(encode(&key, &TurnsItem { turns: 1 })?).await? {
            return Ok(0);
        }
        // Somebody else was first to begin; nobody deletes it.
        match self.increment(&key, TURNS).await? {
            Some(turns) => Ok(turns.saturating_sub(1)),
            None => Err(StoreError::Throttled("the turns of a rule are gone".into())),
        }
    }
}
