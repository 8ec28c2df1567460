//! Stands in for the index `by-day` of DynamoDB: answers `Query` with pages that are made up as they are asked for.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use serde_json::Value;

use crate::rows::{Row, Rows};

/// DynamoDB ends a page when so many bytes were read.
const PAGE: usize = 1024 * 1024;

/// The running stand-in. Its threads end with the program.
#[derive(Debug)]
pub struct Pages {
    /// Its address.
    pub url: String,
    rows: Arc<Mutex<Rows>>,
}

impl Pages {
    /// Starts it at a free port of this machine.
    ///
    /// # Errors
    /// That of the listener.
    pub fn start(rows: Rows) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let url = format!("http://{}", listener.local_addr()?);
        let rows = Arc::new(Mutex::new(rows));
        let shared = Arc::clone(&rows);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let rows = Arc::clone(&shared);
                // A connection that breaks off is its client's to notice.
                thread::spawn(move || drop(serve(stream, &rows)));
            }
        });
        Ok(Self { url, rows })
    }

    /// From now on it holds these.
    pub fn hold(&self, rows: Rows) {
        *self.rows.lock().unwrap_or_else(PoisonError::into_inner) = rows;
    }
}

fn serve(stream: TcpStream, rows: &Mutex<Rows>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = BufReader::new(stream);
    while let Some(body) = request(&mut stream)? {
        let rows = *rows.lock().unwrap_or_else(PoisonError::into_inner);
        let (status, body) = match page(&rows, &body) {
            Some(page) => ("200 OK", page),
            None => (
                "400 Bad Request",
                r#"{"__type":"ValidationException"}"#.to_owned(),
            ),
        };
        let length = body.len();
        let head = format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/x-amz-json-1.0\r\ncontent-length: {length}\r\n\r\n"
        );
        stream.get_mut().write_all(head.as_bytes())?;
        stream.get_mut().write_all(body.as_bytes())?;
    }
    Ok(())
}

/// The body of the next request; `None` at the end of the connection.
fn request(from: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if from.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().map_err(io::Error::other)?;
        }
    }
    let mut body = vec![0; length];
    from.read_exact(&mut body)?;
    Ok(Some(body))
}

/// The page that a query asks for; `None` if it is another query than the night's.
fn page(rows: &Rows, request: &[u8]) -> Option<String> {
    let request: Value = serde_json::from_slice(request).ok()?;
    if request.get("IndexName")? != "by-day" {
        return None;
    }
    let hash = request
        .pointer("/ExpressionAttributeValues/:hash/S")?
        .as_str()?;
    let (day, shard) = hash.rsplit_once('#')?;
    let shard: u32 = shard.parse().ok()?;
    let held = day == format!("{}#{}", crate::rows::SURVEY, crate::rows::DAY);
    let from = match request.pointer("/ExclusiveStartKey/received_at/S") {
        Some(start) => Row::number_at(start.as_str()?)? + 1,
        None => 0,
    };
    let limit = request
        .get("Limit")
        .and_then(Value::as_u64)
        .unwrap_or(u64::MAX);
    let only = projected(&request);

    let mut json = String::with_capacity(2 * PAGE);
    json.push_str("{\"Items\":[");
    let (mut size, mut count, mut last) = (0, 0, None);
    let mut left = rows
        .of_shard(shard, from)
        .take(if held { usize::MAX } else { 0 });
    for row in left.by_ref() {
        if count > 0 {
            json.push(',');
        }
        size += row.append_json(only.as_deref(), &mut json);
        count += 1;
        last = Some(row);
        if count >= limit || size >= PAGE {
            break;
        }
    }
    json.push_str(&format!("],\"Count\":{count},\"ScannedCount\":{count}"));
    if let Some(row) = last
        && (count >= limit || size >= PAGE)
    {
        let key = row
            .key()
            .map(|(name, value)| format!("\"{name}\":{{\"S\":\"{value}\"}}"));
        json.push_str(&format!(",\"LastEvaluatedKey\":{{{}}}", key.join(",")));
    }
    json.push('}');
    Some(json)
}

/// The attributes that the answer is to have, if not all.
fn projected(request: &Value) -> Option<Vec<String>> {
    let names = request.get("ExpressionAttributeNames")?;
    let expression = request.get("ProjectionExpression")?.as_str()?;
    let named = expression.split(',').map(str::trim);
    named
        .map(|name| Some(names.get(name)?.as_str()?.to_owned()))
        .collect()
}
