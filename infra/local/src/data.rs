//! The data folder: one process at a time, a format that is checked, and what is remembered beside the database.

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use ring::rand::{SecureRandom, SystemRandom};
use serde::{Deserialize, Serialize};

/// The format that this code reads and writes.
const FORMAT: u32 = 1;
const META: &str = "meta.json";
const LOCK: &str = "lock";
/// Letters and digits of a generated secret: more than any template asks for.
const SECRET_LENGTH: usize = 128;

/// Why a folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// Another process has it.
    #[error(
        "the data folder {0} is in use by another process; stop it, or choose another with --data"
    )]
    InUse(PathBuf),
    /// It was written by a later version.
    #[error(
        "the data folder {path} has format {found}, and this version reads up to {FORMAT}; use a newer version"
    )]
    Newer {
        /// The folder.
        path: PathBuf,
        /// Its format.
        found: u32,
    },
    /// Its contents are not what we wrote.
    #[error("the data folder {path} is damaged: {what}; move it away to start afresh")]
    Damaged {
        /// The folder.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// The system refused.
    #[error("the data folder {path} cannot be used: {source}")]
    Io {
        /// The folder or a file in it.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The system has no random numbers.
    #[error("the system gives no random numbers for a secret")]
    NoRandom,
}

/// What is remembered beside the database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meta {
    format: u32,
    /// How far business time is ahead of machine time, in milliseconds.
    pub offset_ms: i64,
    /// Business time up to which schedules were fired; `None` before the first start.
    pub fired_until: Option<Timestamp>,
    /// How many of the first letters in the mailbox were made up by `--demo`.
    #[serde(default)]
    pub demo_letters: u64,
    /// Generated secrets by name.
    pub secrets: BTreeMap<String, String>,
}

/// A folder that this process holds, or memory that stands for one.
///
/// What [`Self::update`] returned from is on disk: a kill at any moment leaves the old or the new state, whole.
pub struct DataFolder {
    path: Option<PathBuf>,
    meta: Mutex<Meta>,
    /// The lock ends with the process, however it ends.
    _lock: Option<File>,
}

impl DataFolder {
    /// Takes a folder, making it if it does not exist.
    ///
    /// # Errors
    /// [`DataError`], if it is in use, not ours, damaged or newer.
    pub fn open(path: &Path) -> Result<Self, DataError> {
        let io_error = |source| DataError::Io {
            path: path.to_owned(),
            source,
        };
        fs::create_dir_all(path).map_err(io_error)?;
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path.join(LOCK))
            .map_err(io_error)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(DataError::InUse(path.to_owned())),
            Err(TryLockError::Error(source)) => return Err(io_error(source)),
        }
        let meta = match fs::read(path.join(META)) {
            Ok(bytes) => read(path, &bytes)?,
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => {
                let foreign = fs::read_dir(path)
                    .map_err(io_error)?
                    .flatten()
                    .find(|entry| {
                        let name = entry.file_name();
                        name != LOCK && !name.to_string_lossy().starts_with(META)
                    });
                if let Some(foreign) = foreign {
                    let what = format!("it holds {} but no {META}", foreign.file_name().display());
                    return Err(DataError::Damaged {
                        path: path.to_owned(),
                        what,
                    });
                }
                let meta = Meta::new();
                write(path, &meta).map_err(io_error)?;
                meta
            }
            Err(source) => return Err(io_error(source)),
        };
        Ok(Self {
            path: Some(path.to_owned()),
            meta: Mutex::new(meta),
            _lock: Some(lock),
        })
    }

    /// Memory instead of a folder, for tests.
    pub fn memory() -> Self {
        Self {
            path: None,
            meta: Mutex::new(Meta::new()),
            _lock: None,
        }
    }

    /// Where it is; `None` in memory.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// What is remembered.
    pub fn meta(&self) -> Meta {
        self.meta
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Changes what is remembered.
    ///
    /// # Errors
    /// [`DataError::Io`]; then nothing changed.
    pub fn update(&self, change: impl FnOnce(&mut Meta)) -> Result<(), DataError> {
        let mut meta = self.meta.lock().unwrap_or_else(PoisonError::into_inner);
        let mut changed = meta.clone();
        change(&mut changed);
        if let Some(path) = &self.path
            && changed != *meta
        {
            write(path, &changed).map_err(|source| DataError::Io {
                path: path.join(META),
                source,
            })?;
        }
        *meta = changed;
        Ok(())
    }

    /// The secret of this name, made on first use: 128 letters and digits.
    ///
    /// # Errors
    /// [`DataError`], if it cannot be made or kept.
    pub fn secret(&self, name: &str) -> Result<String, DataError> {
        if let Some(secret) = self.meta().secrets.get(name) {
            return Ok(secret.clone());
        }
        let secret = random_text(SECRET_LENGTH)?;
        self.update(|meta| {
            meta.secrets.insert(name.to_owned(), secret.clone());
        })?;
        Ok(secret)
    }
}

impl Meta {
    fn new() -> Self {
        Self {
            format: FORMAT,
            offset_ms: 0,
            fired_until: None,
            demo_letters: 0,
            secrets: BTreeMap::new(),
        }
    }
}

fn read(path: &Path, bytes: &[u8]) -> Result<Meta, DataError> {
    #[derive(Deserialize)]
    struct Format {
        format: u32,
    }
    let damaged = |fault: serde_json::Error| DataError::Damaged {
        path: path.to_owned(),
        what: format!("{META}: {fault}"),
    };
    let Format { format } = serde_json::from_slice(bytes).map_err(damaged)?;
    if format > FORMAT {
        return Err(DataError::Newer {
            path: path.to_owned(),
            found: format,
        });
    }
    serde_json::from_slice(bytes).map_err(damaged)
}

/// Beside it first, then in its place: a reader sees the old or the new.
fn write(folder: &Path, meta: &Meta) -> io::Result<()> {
    let beside = folder.join(format!("{META}.new"));
    let mut options = File::options();
    options.create(true).truncate(true).write(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        // It holds secrets.
        options.mode(0o600);
    }
    let mut file = options.open(&beside)?;
    file.write_all(&serde_json::to_vec_pretty(meta)?)?;
    file.sync_all()?;
    fs::rename(&beside, folder.join(META))?;
    // Where a folder can be opened, the new name is made to last as well.
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    Ok(())
}

fn random_text(length: usize) -> Result<String, DataError> {
    const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let random = SystemRandom::new();
    let mut text = String::with_capacity(length);
    while text.len() < length {
        let mut bytes = [0; 64];
        random.fill(&mut bytes).map_err(|_| DataError::NoRandom)?;
        // Bytes past the last whole alphabet would favour its beginning.
        let letters = bytes
            .iter()
            .filter(|byte| **byte < 248)
            .filter_map(|byte| ALPHABET.get(usize::from(byte % 62)));
        text.extend(
            letters
                .map(|letter| char::from(*letter))
                .take(length - text.len()),
        );
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Self {
            let path =
                std::env::temp_dir().join(format!("resound-data-{}-{name}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ignored = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn what_was_remembered_is_there_again() {
        let scratch = Scratch::new("again");
        let folder = DataFolder::open(&scratch.0).unwrap();
        let secret = folder.secret("a").unwrap();
        assert_eq!(secret.len(), SECRET_LENGTH);
        assert_ne!(folder.secret("b").unwrap(), secret);
        folder.update(|meta| meta.offset_ms = 5).unwrap();
        assert!(matches!(
            DataFolder::open(&scratch.0),
            Err(DataError::InUse(_))
        ));
        let before = folder.meta();
        drop(folder);
        let folder = DataFolder::open(&scratch.0).unwrap();
        assert_eq!(folder.meta(), before);
        assert_eq!(folder.secret("a").unwrap(), secret);
    }

    #[test]
    fn what_is_not_ours_is_refused_in_one_sentence() {
        for (name, file, content, expected) in [
            (
                "newer",
                META,
                r#"{"format": 9, "surprise": 1}"#,
                "has format 9, and this version reads up to 1",
            ),
            (
                "cut",
                META,
                r#"{"format": 1, "offs"#,
                "is damaged: meta.json: ",
            ),
            ("empty", META, "", "is damaged: meta.json: "),
            (
                "other",
                "letter.txt",
                "dear",
                "is damaged: it holds letter.txt but no meta.json",
            ),
        ] {
            let scratch = Scratch::new(name);
            fs::write(scratch.0.join(file), content).unwrap();
            let fault = DataFolder::open(&scratch.0).err().unwrap().to_string();
            assert!(fault.contains(expected), "{fault}");
            assert_eq!(
                fs::read_to_string(scratch.0.join(file)).unwrap(),
                content,
                "nothing was changed"
            );
        }
        let scratch = Scratch::new("file");
        let file = scratch.0.join("f");
        fs::write(&file, "").unwrap();
        assert!(matches!(DataFolder::open(&file), Err(DataError::Io { .. })));
    }

    #[test]
    fn a_kill_before_the_first_write_leaves_an_empty_folder() {
        let scratch = Scratch::new("kill");
        fs::write(scratch.0.join(LOCK), "").unwrap();
        fs::write(scratch.0.join("meta.json.new"), "{").unwrap();
        assert!(DataFolder::open(&scratch.0).is_ok());
    }
}
