//! The fields of a body, in whichever of the three ways a client may send them.

use std::convert::Infallible;

use bytes::Bytes;
use futures::stream;
use multer::Multipart;
use resound_domain::submission::{Raw, RawFields};

use crate::http::{ContentType, HttpRequest};
use crate::problem::{FieldError, Kind, Problem};

/// Reads the fields of a request's body: a JSON object, or a form as browsers post it. Fields keep their order, and
/// repeated ones stay: what to make of them is for [`Submission::parse`](resound_domain::submission::Submission::parse).
///
/// Never panics and never recurses deeper than the JSON parser's limit of 128, whatever was sent.
///
/// # Errors
/// 400 if it is not what its type says, or not UTF-8; 415 as [`ContentType::of`]; 422 for a file.
pub async fn read(request: &HttpRequest) -> Result<RawFields, Problem> {
    match ContentType::of(request)? {
        ContentType::Json => json(request),
        ContentType::UrlEncoded => url_encoded(request),
        ContentType::Multipart { boundary } => multipart(request, boundary).await,
    }
}

/// Reads the fields of a request's body, which is taken for a JSON object. For who accepts nothing else: without
/// [`read`], the code for forms stays out of a function's package.
///
/// # Errors
/// 400 if it is not one.
pub fn json(request: &HttpRequest) -> Result<RawFields, Problem> {
    serde_json::from_slice(&request.body).map_err(|error| {
        let problem = request.problem(Kind::BadRequest);
        if error.is_data() {
            return problem.detail(
                "正文应为一个 JSON 对象。",
                "The body is expected to be a JSON object.",
            );
        }
        let (line, column) = (error.line(), error.column());
        problem.detail(
            &format!("正文不是有效的 JSON（第 {line} 行，第 {column} 列）。"),
            &format!("The body is not valid JSON (line {line}, column {column})."),
        )
    })
}

fn url_encoded(request: &HttpRequest) -> Result<RawFields, Problem> {
    const REPLACEMENT: char = char::REPLACEMENT_CHARACTER;
    let fields: Vec<(String, String)> =
        form_urlencoded::parse(&request.body).into_owned().collect();
    // The decoder puts this character where bytes are not UTF-8. A text that had it before is rare, and may keep it.
    let sent = String::from_utf8_lossy(&request.body).to_ascii_lowercase();
    let broken = fields
        .iter()
        .any(|(name, value)| name.contains(REPLACEMENT) || value.contains(REPLACEMENT));
    if broken && !sent.contains("%ef%bf%bd") {
        return Err(not_utf8(request));
    }
    Ok(fields.into_iter().collect())
}

async fn multipart(request: &HttpRequest, boundary: String) -> Result<RawFields, Problem> {
    let malformed = |_: multer::Error| {
        let problem = request.problem(Kind::BadRequest);
        problem.detail(
            "multipart 正文格式有误。",
            "The multipart body is malformed.",
        )
    };
    let body = Bytes::copy_from_slice(&request.body);
    let mut parts = Multipart::new(stream::iter([Ok::<_, Infallible>(body)]), boundary);
    let mut fields = RawFields::default();
    let mut files = Vec::new();
    while let Some(part) = parts.next_field().await.map_err(malformed)? {
        let name = part.name().unwrap_or_default().to_owned();
        let is_file = part.file_name().is_some();
        let content = part.bytes().await.map_err(malformed)?;
        if !is_file {
            let text = String::from_utf8(content.into()).map_err(|_| not_utf8(request))?;
            fields.push(name, Raw::Text(text));
        } else if !content.is_empty() {
            let message = request
                .locale()
                .choose("此处不接受文件。", "Files are not accepted here.");
            files.push(FieldError {
                field: name,
                code: "file".into(),
                message: message.to_owned(),
            });
        }
        // A browser sends a file input that was left empty as an empty file.
    }
    if files.is_empty() {
        Ok(fields)
    } else {
        Err(request.problem(Kind::Invalid).errors(files))
    }
}

fn not_utf8(request: &HttpRequest) -> Problem {
    request
        .problem(Kind::BadRequest)
        .detail("正文不是 UTF-8 编码。", "The body is not UTF-8.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::HttpEvent;
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;
    use serde_json::json;

    fn request(content_type: &str, body: &[u8]) -> HttpRequest {
        let event: HttpEvent = serde_json::from_value(json!({
            "headers": {"content-type": content_type, "accept-language": "en"},
            "requestContext": {"requestId": "r", "timeEpoch": 0},
            "body": STANDARD.encode(body),
            "isBase64Encoded": true,
        }))
        .unwrap();
        HttpRequest::decode(event).unwrap()
    }

    fn read_now(content_type: &str, body: impl AsRef<[u8]>) -> Result<RawFields, Problem> {
        let request = request(content_type, body.as_ref());
        futures::executor::block_on(read(&request))
    }

    fn status(content_type: &str, body: impl AsRef<[u8]>) -> u16 {
        read_now(content_type, body).unwrap_err().kind.status()
    }

    const FORM: &str = "application/x-www-form-urlencoded";
    const PARTS: &str = "multipart/form-data; boundary=X";

    fn part(head: &str, content: &str) -> String {
        format!("--X\r\nContent-Disposition: form-data; {head}\r\n\r\n{content}\r\n--X--\r\n")
    }

    #[test]
    fn one_text_arrives_three_ways() {
        let text = "你好 & 😀\u{202e}";
        let encoded: String = form_urlencoded::Serializer::new(String::new())
            .append_pair("text", text)
            .finish();
        for (kind, body) in [
            ("application/json", json!({"text": text}).to_string()),
            (FORM, encoded),
            (PARTS, part("name=\"text\"", text)),
        ] {
            assert_eq!(
                read_now(kind, body).unwrap().text("text"),
                Some(text),
                "{kind}"
            );
        }
    }

    #[test]
    fn what_is_no_object_is_refused() {
        let deep = "[".repeat(1_000_000);
        let deep_object = format!("{}{}", r#"{"a":"#.repeat(50_000), 1);
        for body in [
            "",
            "[]",
            "null",
            "1",
            "\"x\"",
            "{",
            "{\"a\":1}x",
            "{\"a\":\"\\ud800\"}",
            &deep[..200_000],
            &deep_object[..200_000],
        ] {
            assert_eq!(
                status("application/json", body),
                400,
                "{}",
                &body[..body.len().min(20)]
            );
        }
        assert_eq!(status("application/json", b"{\"text\":\"\xff\"}"), 400);
    }

    #[test]
    fn what_is_not_utf8_is_refused_rather_than_mended() {
        assert_eq!(status(FORM, "text=%C4%E3%BA%C3"), 400);
        assert_eq!(status(FORM, b"text=\xc4\xe3"), 400);
        assert_eq!(
            status(
                PARTS,
                [part("name=\"text\"", "").as_bytes(), b""]
                    .concat()
                    .replace_gap()
            ),
            400
        );
        assert_eq!(
            read_now(FORM, "text=%EF%BF%BD").unwrap().text("text"),
            Some("\u{fffd}")
        );
    }

    trait ReplaceGap {
        fn replace_gap(self) -> Vec<u8>;
    }

    impl ReplaceGap for Vec<u8> {
        /// Puts a byte that is no UTF-8 into the empty content of a part.
        fn replace_gap(mut self) -> Vec<u8> {
            let at = self.windows(4).position(|w| w == b"\r\n\r\n").unwrap() + 4;
            self.insert(at, 0xff);
            self
        }
    }

    #[test]
    fn files_are_refused_by_name_unless_empty() {
        let problem =
            read_now(PARTS, part("name=\"photo\"; filename=\"a.png\"", "PNG")).unwrap_err();
        assert_eq!(
            (problem.kind, problem.errors[0].field.as_str()),
            (Kind::Invalid, "photo")
        );
        let empty = read_now(PARTS, part("name=\"photo\"; filename=\"\"", "")).unwrap();
        assert_eq!(empty, RawFields::default());
    }

    #[test]
    fn broken_parts_are_refused() {
        for body in [
            "",
            "--X",
            "--X\r\n\r\n",
            "--Y--\r\n",
            "--X\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx",
        ] {
            assert_eq!(status(PARTS, body), 400, "{body:?}");
        }
    }

    proptest! {
        #[test]
        fn no_body_panics(
            kind in prop_oneof![Just("application/json"), Just(FORM), Just(PARTS)],
            body in prop_oneof![
                proptest::collection::vec(any::<u8>(), 0..200),
                "(--X(\r\n|--|[a-zA-Z:;=\" -]{0,10}){0,8}){0,5}".prop_map(String::into_bytes),
                "[\\[\\]{}\":,0-9a-z%&=+\\\\]{0,80}".prop_map(String::into_bytes),
            ],
        ) {
            if let Err(problem) = read_now(kind, body) {
                prop_assert!(problem.kind.status() < 500);
            }
        }
    }
}
