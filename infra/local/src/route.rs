//! Route keys of an HTTP API, and which of them answers a request.

use std::collections::BTreeMap;
use std::fmt;

/// `GET /v1/cases/{id}`, `ANY /{proxy+}` or `$default`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RouteKey {
    /// Whatever no other route answers.
    Default,
    /// A method, or any, and a path.
    Path {
        /// `None` is `ANY`.
        method: Option<String>,
        /// Its parts between slashes.
        segments: Vec<Segment>,
    },
}

/// A part of a route's path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Segment {
    /// Itself only.
    Literal(String),
    /// One part, not empty, by this name.
    Variable(String),
    /// All the rest, at least one part, by this name.
    Greedy(String),
}

/// The path parameters of a request, still percent-encoded.
pub type Parameters = BTreeMap<String, String>;

impl RouteKey {
    /// Reads a route key; `None` if it is not one.
    pub fn parse(key: &str) -> Option<Self> {
        if key == "$default" {
            return Some(Self::Default);
        }
        let (method, path) = key.split_once(' ')?;
        let method = match method {
            "ANY" => None,
            "GET" | "POST" | "PUT" | "PATCH" | "DELETE" | "HEAD" | "OPTIONS" => {
                Some(method.to_owned())
            }
            _ => return None,
        };
        let segments: Vec<_> = path
            .strip_prefix('/')?
            .split('/')
            .map(Segment::parse)
            .collect::<Option<_>>()?;
        let before_last = segments.split_last().map_or(&[][..], |(_, before)| before);
        if before_last
            .iter()
            .any(|segment| matches!(segment, Segment::Greedy(_)))
        {
            return None;
        }
        Some(Self::Path { method, segments })
    }

    /// The parameters, if this key answers the request.
    fn answers(&self, method: &str, path: &[&str]) -> Option<Parameters> {
        let Self::Path {
            method: own,
            segments,
        } = self
        else {
            return Some(Parameters::new());
        };
        if own.as_ref().is_some_and(|own| own != method) {
            return None;
        }
        let mut parameters = Parameters::new();
        let mut rest = path;
        for segment in segments {
            let (part, after) = rest.split_first()?;
            match segment {
                Segment::Literal(literal) if literal == part => {}
                Segment::Literal(_) => return None,
                Segment::Variable(_) if part.is_empty() => return None,
                Segment::Variable(name) => {
                    parameters.insert(name.clone(), (*part).to_owned());
                }
                Segment::Greedy(name) => {
                    parameters.insert(name.clone(), rest.join("/"));
                    return Some(parameters);
                }
            }
            rest = after;
        }
        rest.is_empty().then_some(parameters)
    }

    /// Lower wins: a path before `$default`, literals before variables before the rest, a method before `ANY`.
    fn rank(&self) -> (bool, Vec<u8>, bool) {
        match self {
            Self::Default => (true, Vec::new(), true),
            Self::Path { method, segments } => {
                let kinds = segments.iter().map(|segment| match segment {
                    Segment::Literal(_) => 0,
                    Segment::Variable(_) => 1,
                    Segment::Greedy(_) => 2,
                });
                let greedy = matches!(segments.last(), Some(Segment::Greedy(_)));
                // A full match comes before one that swallows the rest, whatever their lengths.
                let kinds = std::iter::once(u8::from(greedy)).chain(kinds);
                (false, kinds.collect(), method.is_none())
            }
        }
    }
}

impl Segment {
    fn parse(text: &str) -> Option<Self> {
        let Some(name) = text
            .strip_prefix('{')
            .and_then(|text| text.strip_suffix('}'))
        else {
            return (!text.contains(['{', '}'])).then(|| Self::Literal(text.to_owned()));
        };
        let (name, greedy) = name
            .strip_suffix('+')
            .map_or((name, false), |name| (name, true));
        if name.is_empty() || name.contains(['{', '}', '+']) {
            return None;
        }
        Some(if greedy {
            Self::Greedy(name.to_owned())
        } else {
            Self::Variable(name.to_owned())
        })
    }
}

impl fmt::Display for RouteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Path { method, segments } = self else {
            return f.write_str("$default");
        };
        f.write_str(method.as_deref().unwrap_or("ANY"))?;
        f.write_str(" ")?;
        segments.iter().try_for_each(|segment| match segment {
            Segment::Literal(text) => write!(f, "/{text}"),
            Segment::Variable(name) => write!(f, "/{{{name}}}"),
            Segment::Greedy(name) => write!(f, "/{{{name}+}}"),
        })
    }
}

/// The most specific of these routes that answers a request for this path, with its parameters.
pub fn find<'a, R>(
    routes: &'a [R],
    key: impl Fn(&R) -> &RouteKey,
    method: &str,
    path: &str,
) -> Option<(&'a R, Parameters)> {
    let parts: Vec<&str> = path.strip_prefix('/').unwrap_or(path).split('/').collect();
    let answering = routes
        .iter()
        .filter_map(|route| Some((route, key(route).answers(method, &parts)?)));
    answering.min_by_key(|(route, _)| key(route).rank())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_specific_route_answers() {
        let keys = [
            "GET /v1/cases",
            "GET /v1/cases/{id}",
            "GET /v1/cases/next",
            "ANY /v1/cases/{id}",
            "POST /v1/cases/{id}/commands",
            "GET /files/{path+}",
            "GET /files/{name}",
            "GET /",
            "$default",
        ];
        let routes: Vec<_> = keys
            .iter()
            .map(|key| RouteKey::parse(key).unwrap())
            .collect();
        for (route, key) in routes.iter().zip(keys) {
            assert_eq!(route.to_string(), key);
        }
        for (method, path, expected, parameters) in [
            ("GET", "/v1/cases", "GET /v1/cases", vec![]),
            ("GET", "/v1/cases/", "$default", vec![]),
            (
                "GET",
                "/v1/cases/7",
                "GET /v1/cases/{id}",
                vec![("id", "7")],
            ),
            ("GET", "/v1/cases/next", "GET /v1/cases/next", vec![]),
            (
                "PUT",
                "/v1/cases/7",
                "ANY /v1/cases/{id}",
                vec![("id", "7")],
            ),
            (
                "POST",
                "/v1/cases/a%2Fb/commands",
                "POST /v1/cases/{id}/commands",
                vec![("id", "a%2Fb")],
            ),
            ("GET", "/files/a", "GET /files/{name}", vec![("name", "a")]),
            (
                "GET",
                "/files/a/b/",
                "GET /files/{path+}",
                vec![("path", "a/b/")],
            ),
            ("GET", "/", "GET /", vec![]),
            ("HEAD", "/", "$default", vec![]),
            ("GET", "//v1/cases", "$default", vec![]),
            ("GET", "*", "$default", vec![]),
            ("GET", "", "GET /", vec![]),
        ] {
            let (route, found) = find(&routes, |route| route, method, path).unwrap();
            assert_eq!(route.to_string(), expected, "{method} {path}");
            let found: Vec<_> = found
                .iter()
                .map(|(k, v)| (k.as_str(), v.as_str()))
                .collect();
            assert_eq!(found, parameters, "{method} {path}");
        }
        assert!(find(&routes[..3], |route| route, "GET", "/nowhere").is_none());
    }

    #[test]
    fn what_is_not_a_route_key_is_refused() {
        for key in [
            "",
            "GET",
            "/x",
            "GET x",
            "BREW /x",
            "GET /{a+}/b",
            "GET /{}",
            "GET /a{b}",
            "GET /{a",
            "get /x",
        ] {
            assert_eq!(RouteKey::parse(key), None, "{key}");
        }
    }
}
