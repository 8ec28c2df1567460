//! What is asked for.

use resound_domain::form::FormId;
use resound_lambda_kit::http::HttpRequest;
use resound_lambda_kit::problem::FieldError;

/// How a report is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Html,
    Json,
    Csv,
    Parquet,
}

impl Format {
    pub(crate) const ALL: [Self; 4] = [Self::Html, Self::Json, Self::Csv, Self::Parquet];

    /// The published name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Html => "html",
            Self::Json => "json",
            Self::Csv => "csv",
            Self::Parquet => "parquet",
        }
    }
}

/// The parameters of both routes. An empty one counts as left out.
#[derive(Debug)]
pub(crate) struct Query {
    /// As asked for, or as the caller likes it: a page for a browser.
    pub(crate) format: Format,
    /// `None` unless one is named.
    pub(crate) survey: Option<FormId>,
}

impl Query {
    /// Reads the query of a request for which these formats can be had.
    ///
    /// # Errors
    /// Every fault, at most one for each parameter.
    pub(crate) fn read(request: &HttpRequest, formats: &[Format]) -> Result<Self, Vec<FieldError>> {
        let given = |name: &str| request.query(name).filter(|value| !value.is_empty());
        let mut faults = Vec::new();
        let mut fault = |field: &str, code: &'static str, zh_cn: &str, en: &str| {
            faults.push(FieldError {
                field: field.to_owned(),
                code: code.into(),
                message: request.locale().choose(zh_cn, en).to_owned(),
            });
        };
        let liked = match request.wants_html() {
            true => Format::Html,
            false => Format::Json,
        };
        let format = match given("format") {
            None => liked,
            Some(name) => {
                let known = formats.iter().find(|format| format.name() == name);
                if known.is_none() {
                    let names: Vec<_> = formats.iter().map(|format| format.name()).collect();
                    let names = names.join(", ");
                    let zh_cn = format!("无法识别：可用的值为 {names}。");
                    fault(
                        "format",
                        "unknown-value",
                        &zh_cn,
                        &format!("Not known: send one of {names}."),
                    );
                }
                known.copied().unwrap_or(liked)
            }
        };
        let survey = given("survey").map(str::parse).transpose();
        if survey.is_err() {
            fault(
                "survey",
                "unknown-form",
                "请使用表单的名称。",
                "The name of a form is expected.",
            );
        }
        match survey {
            Ok(survey) if faults.is_empty() => Ok(Self { format, survey }),
            _ => Err(faults),
        }
    }
}
