//! DynamoDB: the embedded engine on threads of its own, because SQLite blocks the thread that runs it.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use dynoxide::{Database, DynoxideError};
use rusqlite::Connection;

use super::{Data, StartError, Threads};

/// Name of the database in the data folder.
pub const FILE: &str = "dynamodb.sqlite";

/// How every SQLite file begins.
const MAGIC: &[u8] = b"SQLite format 3\0";

/// How often expired items are removed. AWS takes up to days; a minute lets a person see it happen.
const SWEEP_EVERY: Duration = Duration::from_secs(60);

/// How often old stream records are removed. The first time comes after a full period, so that a relay which was off
/// for a day still reads what it missed.
const TRIM_EVERY: Duration = Duration::from_secs(60 * 60);

/// How long a stream record is kept, in seconds; as in AWS.
const STREAM_RETENTION: u32 = 24 * 60 * 60;

/// Stream records removed by one statement, so that a write never waits long for the file.
const TRIM_BATCH: usize = 500;

/// Every write asks for the highest sequence number of its table. Without this index that reads all stream records.
const STREAM_INDEX: &str = "CREATE INDEX IF NOT EXISTS resound_stream_order \
     ON _stream_records (table_name, CAST(sequence_number AS INTEGER))";

/// A running DynamoDB.
pub struct Dynamo {
    url: String,
    database: Database,
    _threads: Threads,
}

impl Dynamo {
    /// Opens the database and serves it on a loopback port of its own.
    ///
    /// # Errors
    ///
    /// When the file is damaged or newer than this program, or no port or thread can be had.
    pub(super) fn start(data: &Data) -> Result<Self, StartError> {
        let database = match data {
            Data::Dir(folder) => open_file(&folder.join(FILE))?,
            Data::Memory => open_memory()?,
        };
        let threads = Threads::start("dynamodb", 2)?;
        let listener = std::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0))?;
        let url = format!("http://{}", listener.local_addr()?);
        let listener = threads.adopt(listener)?;

        let served = database.clone();
        threads.run(async move {
            let forever = std::future::pending::<()>();
            if let Err(error) =
                dynoxide::server::serve_with_shutdown(listener, served, forever).await
            {
                tracing::error!(error, "the embedded DynamoDB stopped");
            }
        });
        threads.run(sweep_forever(database.clone()));
        if let Data::Dir(folder) = data {
            threads.run(trim_forever(folder.join(FILE)));
        }
        Ok(Self {
            url,
            database,
            _threads: threads,
        })
    }

    /// The engine's own address, for callers that want to save the hop through the shared port.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The engine itself. Its calls block; keep them off a runtime's threads.
    #[must_use]
    pub fn database(&self) -> &Database {
        &self.database
    }
}

impl std::fmt::Debug for Dynamo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dynamo")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

fn open_file(path: &Path) -> Result<Database, StartError> {
    // SQLite takes names as text.
    let name = path.to_str().ok_or_else(|| StartError::Database {
        path: path.into(),
        detail: "the path is not valid UTF-8".into(),
    })?;
    if path.exists() {
        check(path)?;
    }
    let database = Database::new(name).map_err(|error| refused(path, &error))?;
    Connection::open(path)
        .and_then(|connection| {
            connection.busy_timeout(Duration::from_secs(5))?;
            connection.execute_batch(STREAM_INDEX)
        })
        .map_err(|error| unreadable(path, &error))?;
    sync_at_checkpoints(&database).map_err(|error| refused(path, &error))?;
    Ok(database)
}

/// Commits go to the write-ahead log and wait for the disk only when the log is put into the database. What was
/// acknowledged is in the system's hands by then and survives the death of this process. It does not survive that of the
/// machine: a power cut takes the last moments back, whole transactions in order, and damages nothing. Waiting for the
/// disk at every commit would let the disk say how many submissions a second there are: 130 on a slow one.
///
/// The engine has no setting for it, but this pair of calls leaves it so. Its version is pinned.
fn sync_at_checkpoints(database: &Database) -> Result<(), DynoxideError> {
    database.enable_bulk_loading()?;
    database.disable_bulk_loading()
}

/// Reads the whole file once: a database damaged in the middle opens well and fails on some later request, where nobody
/// connects it with its cause. SQLite reads some hundred megabytes a second.
///
/// Something else in the place of the file is refused first: SQLite would quietly make good what its write-ahead log
/// still holds.
fn check(path: &Path) -> Result<(), StartError> {
    let mut head = Vec::new();
    File::open(path)?.take(16).read_to_end(&mut head)?;
    // Until its first transaction is whole a database has no head, and a journal to take back what there is.
    let begun = path.with_extension("sqlite-journal").exists();
    if !head.is_empty() && head != MAGIC && !begun {
        return Err(StartError::Damaged {
            path: path.into(),
            detail: "it is not a database".into(),
        });
    }
    let verdict: String = Connection::open(path)
        .and_then(|connection| connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)))
        .map_err(|error| unreadable(path, &error))?;
    if verdict == "ok" {
        return Ok(());
    }
    Err(StartError::Damaged {
        path: path.into(),
        detail: verdict.replace('\n', " "),
    })
}

fn unreadable(path: &Path, error: &rusqlite::Error) -> StartError {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    match error.sqlite_error_code() {
        Some(NotADatabase) => StartError::Damaged {
            path: path.into(),
            detail: "it is not a database".into(),
        },
        Some(DatabaseCorrupt) => StartError::Damaged {
            path: path.into(),
            detail: "its contents are corrupt".into(),
        },
        _ => StartError::Database {
            path: path.into(),
            detail: error.to_string(),
        },
    }
}

fn refused(path: &Path, error: &DynoxideError) -> StartError {
    if let DynoxideError::SqliteError(error) = error {
        return unreadable(path, error);
    }
    let detail = error.to_string();
    // The engine has no type for this; its version is pinned and a test watches the words.
    if detail.contains("written by a newer version") {
        return StartError::Newer { path: path.into() };
    }
    StartError::Database {
        path: path.into(),
        detail,
    }
}

/// A database in memory with the same index. The engine has no way to run our SQL, and a private memory database has no
/// second connection; a named one in shared-cache mode has, for the moment it takes to create the index.
fn open_memory() -> Result<Database, StartError> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let name = format!(
        "file:resound-{}?mode=memory&cache=shared",
        NEXT.fetch_add(1, Ordering::Relaxed)
    );
    let database = Database::new(&name).map_err(|error| refused(Path::new(&name), &error))?;
    Connection::open(&name)
        .and_then(|connection| connection.execute_batch(STREAM_INDEX))
        .map_err(|error| unreadable(Path::new(&name), &error))?;
    Ok(database)
}

async fn sweep_forever(database: Database) {
    loop {
        tokio::time::sleep(SWEEP_EVERY).await;
        let database = database.clone();
        match tokio::task::spawn_blocking(move || database.sweep_ttl()).await {
            Ok(Ok(0)) => {}
            Ok(Ok(removed)) => tracing::debug!(removed, "removed expired items"),
            Ok(Err(error)) => tracing::warn!(%error, "could not remove expired items"),
            Err(error) => tracing::warn!(%error, "the sweep of expired items ended early"),
        }
    }
}

async fn trim_forever(path: PathBuf) {
    loop {
        tokio::time::sleep(TRIM_EVERY).await;
        let path = path.clone();
        match tokio::task::spawn_blocking(move || trim(&path, STREAM_RETENTION)).await {
            Ok(Ok(0)) => {}
            Ok(Ok(removed)) => tracing::debug!(removed, "removed old stream records"),
            Ok(Err(error)) => tracing::warn!(%error, "could not remove old stream records"),
            Err(error) => tracing::warn!(%error, "the trimming of stream records ended early"),
        }
    }
}

/// Removes stream records older than `retention` seconds; the engine keeps them for ever. Returns how many.
fn trim(path: &Path, retention: u32) -> Result<usize, rusqlite::Error> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    let mut removed = 0;
    loop {
        let batch = connection.execute(
            "DELETE FROM _stream_records WHERE id IN \
             (SELECT id FROM _stream_records WHERE created_at <= unixepoch() - ?1 ORDER BY id LIMIT ?2)",
            (retention, TRIM_BATCH),
        )?;
        removed += batch;
        if batch < TRIM_BATCH {
            return Ok(removed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newer_database_is_refused() {
        let folder = std::env::temp_dir().join(format!("resound-newer-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join(FILE);
        drop(open_file(&path).unwrap());
        let changed = Connection::open(&path)
            .and_then(|connection| connection.execute("UPDATE _config SET value = '999'", []));
        let refused = open_file(&path).err();
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!(changed, Ok(1));
        assert!(
            matches!(refused, Some(StartError::Newer { .. })),
            "{refused:?}"
        );
    }

    #[test]
    fn old_stream_records_go_and_young_ones_stay() {
        let folder = std::env::temp_dir().join(format!("resound-trim-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join(FILE);
        let _database = open_file(&path).unwrap();
        let connection = Connection::open(&path).unwrap();
        let insert = |age: u32, count: usize| {
            connection
                .execute(
                    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2) \
                     INSERT INTO _stream_records \
                     (table_name, event_name, keys_json, sequence_number, shard_id, created_at) \
                     SELECT 't', 'INSERT', '{}', i, 's', unixepoch() - ?1 FROM n",
                    (age, count),
                )
                .unwrap();
        };
        insert(STREAM_RETENTION + 10, TRIM_BATCH * 2 + 1);
        insert(STREAM_RETENTION - 60, 3);
        let removed = trim(&path, STREAM_RETENTION);
        let left: u32 = connection
            .query_row("SELECT count(*) FROM _stream_records", [], |row| row.get(0))
            .unwrap();
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!((removed, left), (Ok(TRIM_BATCH * 2 + 1), 3));
    }
}
