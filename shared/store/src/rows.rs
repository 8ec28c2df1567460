//! Pages of `by-day`, read from the bytes of the answer for the nightly count: without a map of attribute values for each
//! response, which costs several times what the response itself does.
//!
//! Only what DynamoDB writes of our own items is read here, and only if it is sound. For everything else there is the
//! SDK, which has the last word on what an answer means: see [`Store::query_rows`](crate::Store::query_rows).

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use resound_domain::score::{OffScale, Scores};
use resound_domain::tally::Counted;
use serde::de::IntoDeserializer;
use serde::de::value::{Error, StrDeserializer};
use serde::{Deserialize, Deserializer};

use crate::dynamo::{Item, s};

/// What a page holds.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rows {
    /// What is counted of each response, in order.
    pub(crate) rows: Vec<Counted>,
    /// Where the next page starts; `None` after the last.
    pub(crate) next: Option<Item>,
}

/// The attributes that [`read`] knows, all of them: who asks for others gets pages that only the SDK reads.
pub(crate) const ATTRIBUTES: [&str; 11] = [
    "PK",
    "SK",
    "nps",
    "csat",
    "ces",
    "channel",
    "touchpoint",
    "product",
    "tier",
    "locale",
    "category",
];

/// Reads a page; `None` unless each response of it is sound and nothing is in it that is not known here. What is read is
/// what the SDK would make of it.
pub(crate) fn read(page: &[u8]) -> Option<Rows> {
    let page: Page<'_> = serde_json::from_slice(page).ok()?;
    let rows = page.items.into_iter().map(Row::counted);
    let next = page.last_evaluated_key.into_iter();
    Some(Rows {
        rows: rows.collect::<Option<_>>()?,
        next: next
            .map(|key| {
                key.into_iter()
                    .map(|(name, text)| (name, s(text.s)))
                    .collect()
            })
            .find(|key: &Item| !key.is_empty()),
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Page<'a> {
    #[serde(borrow)]
    items: Vec<Row<'a>>,
    #[serde(default, rename = "Count")]
    _count: i32,
    #[serde(default, rename = "ScannedCount")]
    _scanned_count: i32,
    #[serde(borrow, default, deserialize_with = "present")]
    last_evaluated_key: Option<HashMap<String, Text<'a>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row<'a> {
    #[serde(rename = "PK", borrow, default, deserialize_with = "present")]
    _pk: Option<Text<'a>>,
    #[serde(rename = "SK", borrow, default, deserialize_with = "present")]
    _sk: Option<Text<'a>>,
    #[serde(borrow, default, deserialize_with = "present")]
    nps: Option<Number<'a>>,
    #[serde(borrow, default, deserialize_with = "present")]
    csat: Option<Number<'a>>,
    #[serde(borrow, default, deserialize_with = "present")]
    ces: Option<Number<'a>>,
    #[serde(borrow)]
    channel: Text<'a>,
    #[serde(borrow, default, deserialize_with = "present")]
    touchpoint: Option<Text<'a>>,
    #[serde(borrow, default, deserialize_with = "present")]
    product: Option<Text<'a>>,
    #[serde(borrow, default, deserialize_with = "present")]
    tier: Option<Text<'a>>,
    #[serde(borrow)]
    locale: Text<'a>,
    #[serde(borrow, default, deserialize_with = "present")]
    category: Option<Text<'a>>,
}

/// A value that is there; a `null`, which the SDK does not take everywhere, is none.
fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}

/// `{"S": "..."}`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text<'a> {
    #[serde(rename = "S", borrow)]
    s: Cow<'a, str>,
}

/// `{"N": "..."}`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Number<'a> {
    #[serde(rename = "N", borrow)]
    n: Cow<'a, str>,
}

impl Row<'_> {
    fn counted(self) -> Option<Counted> {
        Some(Counted {
            scores: Scores {
                nps: score(self.nps)?,
                csat: score(self.csat)?,
                ces: score(self.ces)?,
            },
            channel: self.channel.named()?,
            touchpoint: self.touchpoint.map(|text| text.s.into_owned()),
            product: self.product.map(|text| text.s.into_owned()),
            tier: named(self.tier)?,
            locale: self.locale.named()?,
            category: named(self.category)?,
        })
    }
}

impl Text<'_> {
    /// The one that is kept under this name.
    fn named<'de, T: Deserialize<'de>>(&'de self) -> Option<T> {
        let name: StrDeserializer<'_, Error> = self.s.as_ref().into_deserializer();
        T::deserialize(name).ok()
    }
}

/// The outer `None` if there is no such name.
fn named<T: for<'de> Deserialize<'de>>(text: Option<Text<'_>>) -> Option<Option<T>> {
    match text {
        None => Some(None),
        Some(text) => text.named().map(Some),
    }
}

/// The outer `None` if it is no score.
fn score<T: TryFrom<u8, Error = OffScale>>(number: Option<Number<'_>>) -> Option<Option<T>> {
    match number {
        None => Some(None),
        Some(number) => {
            let number: u8 = number.n.parse().ok()?;
            T::try_from(number).ok().map(Some)
        }
    }
}

/// An HTTP client that takes the rows out of an answer before the SDK reads it. What [`read`] does not take, refusals and
/// broken answers among it, is passed on as it came; so signing, time limits and repeats stay the SDK's.
#[derive(Debug)]
pub(crate) struct Taking {
    pub(crate) inner: SharedHttpClient,
    /// What was taken out of the last answer.
    pub(crate) taken: Arc<Mutex<Option<Rows>>>,
}

impl HttpClient for Taking {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(TakingConnector {
            inner: self.inner.http_connector(settings, components),
            taken: Arc::clone(&self.taken),
        })
    }
}

#[derive(Debug)]
struct TakingConnector {
    inner: SharedHttpConnector,
    taken: Arc<Mutex<Option<Rows>>>,
}

impl HttpConnector for TakingConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (answer, taken) = (self.inner.call(request), Arc::clone(&self.taken));
        HttpConnectorFuture::new(async move {
            let mut answer = answer.await?;
            if !answer.status().is_success() {
                return Ok(answer);
            }
            let body = std::mem::replace(answer.body_mut(), SdkBody::empty());
            let body = ByteStream::new(body).collect().await;
            let body = body
                .map_err(|error| ConnectorError::io(error.into()))?
                .into_bytes();
            let rows = read(&body);
            *answer.body_mut() = match rows {
                Some(_) => SdkBody::from("{}"),
                None => SdkBody::from(body),
            };
            *taken.lock().unwrap_or_else(PoisonError::into_inner) = rows;
            Ok(answer)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_credential_types::Credentials;
    use aws_sdk_dynamodb::Client;
    use aws_sdk_dynamodb::config::retry::RetryConfig;
    use aws_sdk_dynamodb::config::{BehaviorVersion, Region};
    use aws_smithy_runtime_api::client::http::http_client_fn;
    use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
    use proptest::prelude::*;

    use crate::Store;
    use crate::dynamo::Query;
    use crate::item::counted;

    fn block_on<F: Future>(future: F) -> F::Output {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build();
        runtime.unwrap().block_on(future)
    }

    /// Answers every request with the same bytes.
    #[derive(Debug)]
    struct Same(Vec<u8>);

    impl HttpConnector for Same {
        fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
            let status = 200_u16.try_into().unwrap();
            let body = SdkBody::from(self.0.clone());
            HttpConnectorFuture::ready(Ok(HttpResponse::new(status, body)))
        }
    }

    fn store(answer: &[u8]) -> Store {
        let connector = SharedHttpConnector::new(Same(answer.to_vec()));
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::from_keys("test", "test", None))
            .endpoint_url("http://127.0.0.1:9")
            .retry_config(RetryConfig::disabled())
            .http_client(http_client_fn(move |_, _| connector.clone()));
        Store::new(Client::from_conf(config.build()), "table")
    }

    fn query() -> Query {
        Query::partition("day".to_owned())
    }

    /// What the SDK makes of a page; `None` if it, or a response in it, cannot be read.
    fn through_the_sdk(page: &[u8]) -> Option<Rows> {
        let page = block_on(store(page).query_page(&query(), None)).ok()?;
        let rows = page.items.into_iter().map(|item| counted(item).ok());
        Some(Rows {
            rows: rows.collect::<Option<_>>()?,
            next: page.next,
        })
    }

    const WHOLE: &str = r#"{"Items":[{"PK":{"S":"RESPONSE#1"},"SK":{"S":"RESPONSE"},"nps":{"N":"10"},"csat":{"N":"5"},
        "ces":{"N":"7"},"channel":{"S":"web"},"touchpoint":{"S":"a \"quoted\" \u9505"},"product":{"S":"锅"},"tier":{"S":"gold"},
        "locale":{"S":"zh-CN"},"category":{"S":"function"}},{"channel":{"S":"app"},"locale":{"S":"en"}}],
        "Count":2,"ScannedCount":2,"LastEvaluatedKey":{"PK":{"S":"RESPONSE#1"},"received_at":{"S":"001"}}}"#;

    #[test]
    fn a_page_of_ours_is_read_without_the_sdk() {
        let rows = read(WHOLE.as_bytes()).unwrap();
        assert_eq!(rows.rows.len(), 2);
        assert_eq!(rows.rows[0].product.as_deref(), Some("锅"));
        assert_eq!(rows.rows[0].touchpoint.as_deref(), Some("a \"quoted\" 锅"));
        assert_eq!(rows.next.as_ref().map(Item::len), Some(2));
        assert_eq!(Some(rows), through_the_sdk(WHOLE.as_bytes()));
        let empty = br#"{"Count":0,"Items":[],"ScannedCount":0}"#;
        let nothing = Rows {
            rows: Vec::new(),
            next: None,
        };
        assert_eq!(read(empty), Some(nothing));
    }

    #[test]
    fn what_is_not_read_here_comes_through_the_sdk() {
        let newer = WHOLE.replace(
            r#""channel":{"S":"app"}"#,
            r#""mood":{"L":[]},"channel":{"S":"app"}"#,
        );
        assert_eq!(read(newer.as_bytes()), None);
        let page = block_on(store(newer.as_bytes()).query_rows(&query(), None)).unwrap();
        let page = page.unwrap_err();
        assert_eq!(
            (page.items.len(), page.next.map(|key| key.len())),
            (2, Some(2))
        );
        let ours = block_on(store(WHOLE.as_bytes()).query_rows(&query(), None)).unwrap();
        assert_eq!(ours.ok(), through_the_sdk(WHOLE.as_bytes()));
        for broken in ["", "{", "<html>", r#"{"Items":"#] {
            let whole = block_on(store(broken.as_bytes()).query_page(&query(), None));
            let rows = block_on(store(broken.as_bytes()).query_rows(&query(), None));
            assert_eq!(rows.is_err(), whole.is_err(), "{broken}");
        }
    }

    /// Attribute values of a name as we write them.
    const SOUND: [(&str, &[&str]); 11] = [
        ("PK", &[r#"{"S":"RESPONSE#1"}"#]),
        ("SK", &[r#"{"S":"RESPONSE"}"#]),
        ("nps", &[r#"{"N":"0"}"#, r#"{"N":"10"}"#]),
        ("csat", &[r#"{"N":"5"}"#]),
        ("ces", &[r#"{"N":"7"}"#]),
        ("channel", &[r#"{"S":"web"}"#, r#"{"S":"store"}"#]),
        ("touchpoint", &[r#"{"S":"a \"step\""}"#, r#"{"S":"锅"}"#]),
        ("product", &[r#"{"S":"\u9505"}"#, r#"{"S":""}"#]),
        ("tier", &[r#"{"S":"gold"}"#]),
        ("locale", &[r#"{"S":"en"}"#, r#"{"S":"zh-CN"}"#]),
        ("category", &[r#"{"S":"other"}"#]),
    ];

    /// What else may stand there.
    const ODD: [&str; 42] = [
        r#"{"N":"3"}"#,
        r#"{"N":"+3"}"#,
        r#"{"N":"03"}"#,
        r#"{"N":" 3"}"#,
        r#"{"N":"3 "}"#,
        r#"{"N":"3.0"}"#,
        r#"{"N":"3e0"}"#,
        r#"{"N":"300"}"#,
        r#"{"N":"-1"}"#,
        r#"{"N":""}"#,
        r#"{"N":3}"#,
        r#"{"S":3}"#,
        r#"{"S":"web"}"#,
        r#"{"S":"WEB"}"#,
        r#"{"S":null}"#,
        r#"{"NULL":true}"#,
        r#"{"NULL":null}"#,
        r#"{}"#,
        "null",
        r#""web""#,
        "[]",
        "1e999",
        "-0",
        r#"{"S":"w\u0065b"}"#,
        r#"{"\u0053":"web"}"#,
        r#"{"S":"\ud800"}"#,
        r#"{"S":"\ud83d\ude00"}"#,
        r#"{"S":"\u0000"}"#,
        "{\"S\":\"\u{1}\"}",
        r#"{"S":"web","S":"app"}"#,
        r#"{"S":"web","N":"3"}"#,
        r#"{"Q":"web"}"#,
        r#"{"S":{"web":null}}"#,
        r#"{"B":"d2Vi"}"#,
        r#"{"L":[{"S":"a"}]}"#,
        r#"{"M":{"S":{"S":"web"}}}"#,
        r#"{"SS":["web"]}"#,
        r#"{"S":"web","__type":"x"}"#,
        r#"{"BOOL":true}"#,
        r#" { "S" : "web" } "#,
        r#"{"S":"web",}"#,
        r#"{"S":'web'}"#,
    ];

    /// The members of a row as we write it.
    fn row() -> impl Strategy<Value = Vec<(String, String)>> {
        let one = SOUND.map(|(name, values)| {
            let values = prop::sample::select(values);
            let there = prop::bool::weighted(match name {
                "channel" | "locale" => 1.0,
                _ => 0.7,
            });
            (there, values)
                .prop_map(move |(there, value)| there.then(|| (name.to_owned(), value.to_owned())))
        });
        let all = one.into_iter().collect::<Vec<_>>();
        all.prop_map(|members| members.into_iter().flatten().collect())
    }

    /// Rows as we write them, and in half of the cases one member more that is not, or in the place of one of ours.
    fn rows() -> impl Strategy<Value = String> {
        let names = SOUND.map(|(name, _)| name);
        let names = [&names[..], &["mood", "chan\\u006eel", "nps\\u0000", ""]].concat();
        let odd = (
            prop::sample::select(names),
            prop::sample::select(ODD.to_vec()),
        );
        let odd = prop::option::of((odd, any::<bool>(), any::<prop::sample::Index>()));
        (prop::collection::vec(row(), 1..3), odd).prop_map(|(mut rows, odd)| {
            if let Some(((name, value), instead, at)) = odd {
                let row = at.get_mut(&mut rows);
                row.retain(|(own, _)| !(instead && own == name));
                let place = at.index(row.len() + 1);
                row.insert(place, (name.to_owned(), value.to_owned()));
            }
            let rows = rows.iter().map(|row| object(row));
            rows.collect::<Vec<_>>().join(",")
        })
    }

    fn object(members: &[(String, String)]) -> String {
        let members = members
            .iter()
            .map(|(name, value)| format!("\"{name}\":{value}"));
        format!("{{{}}}", members.collect::<Vec<_>>().join(","))
    }

    fn page() -> impl Strategy<Value = String> {
        let more = [
            r#","LastEvaluatedKey":{"PK":{"S":"RESPONSE#1"},"day":{"S":"a#b"}}"#,
            r#","LastEvaluatedKey":{}"#,
            r#","LastEvaluatedKey":null"#,
            r#","LastEvaluatedKey":{"PK":null}"#,
            r#","LastEvaluatedKey":{"PK":{"N":"1"}}"#,
            r#","LastEvaluatedKey":{"PK":{"S":"a"},"PK":{"S":"b"}}"#,
            r#","Count":2.0"#,
            r#","Count":null"#,
            r#","Count":99999999999"#,
            r#","ScannedCount":-1"#,
            r#","Count":"2""#,
            r#","Items":[]"#,
            r#","Items":null"#,
            r#","ConsumedCapacity":{"CapacityUnits":1.5}"#,
            r#","Other":[{"a":[1,2,{}]}]"#,
            ",",
            "} ",
            "} x",
            "}}",
        ];
        let more = prop::option::weighted(0.4, prop::sample::select(more.to_vec()));
        (rows(), more).prop_map(|(rows, more)| {
            let more = more.unwrap_or(r#","Count":2,"ScannedCount":2"#);
            format!(r#"{{"Items":[{rows}]{more}}}"#)
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn what_is_read_is_what_the_sdk_makes_of_it(page in page()) {
            if let Some(rows) = read(page.as_bytes()) {
                prop_assert_eq!(Some(rows), through_the_sdk(page.as_bytes()), "{}", page);
            }
        }

        #[test]
        fn a_byte_that_changed_changes_nothing_about_that(at: prop::sample::Index, byte: u8, twice: bool) {
            let mut page = WHOLE.as_bytes().to_vec();
            let at = at.index(page.len());
            match twice {
                true => page.insert(at, byte),
                false => page[at] = byte,
            }
            if let Some(rows) = read(&page) {
                prop_assert_eq!(Some(rows), through_the_sdk(&page));
            }
        }
    }
}
