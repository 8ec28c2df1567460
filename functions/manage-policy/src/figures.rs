//! Figures that only the company knows: how many were asked on a day, and how many customers there are.
//!
//! No document: there is one for each day, the last ones sent count, and nothing is decided by them.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use resound_domain::figures::Figures;
use resound_domain::form::{FormId, Forms};
use resound_lambda_kit::http::{HttpRequest, HttpResponse, Rejection};
use resound_lambda_kit::problem::{Kind, Problem};
use resound_store::{ConfigKind, KeptFigures, KeptOne, Signed};
use serde_json::json;

use crate::body::{Body, Faults};
use crate::document::{Desk, TRIES, busy, changed, matching, refuse, trouble};

/// Which figures: of a survey, on a local day.
struct Place {
    survey: FormId,
    day: Date,
}

impl Place {
    /// Reads the path of a request.
    ///
    /// # Errors
    /// 404 for what is no name of a survey, 422 for what is no day.
    fn read(request: &HttpRequest) -> Result<Self, Problem> {
        let survey = request.param("survey").and_then(|name| name.parse().ok());
        let survey = survey.ok_or_else(|| unknown(request))?;
        let text = request.param("day").unwrap_or_default();
        // One day, one text: keys hold it as this, and years before 0 do not sort as text.
        let day = text.parse().ok();
        let day = day.filter(|day: &Date| day.year() >= 0 && day.to_string() == text);
        let day = day.ok_or_else(|| {
            of_day(
                request,
                "invalid-date",
                "须为 2026-11-01 形式的日期。",
                "A date like 2026-11-01 is expected.",
            )
        })?;
        Ok(Self { survey, day })
    }

    fn shown(
        &self,
        request: &HttpRequest,
        status: u16,
        kept: &KeptFigures,
    ) -> Result<HttpResponse, Rejection> {
        let body = json!({
            "survey": self.survey,
            "day": self.day,
            "version": kept.version,
            "as_of": kept.signed.at,
            "by": kept.signed.by,
            "figures": kept.figures,
        });
        let response = HttpResponse::json(status, &body)?;
        Ok(match request.method.as_str() {
            "GET" => response.cacheable_as(request, kept.version),
            _ => response.etag(kept.version).no_store(),
        })
    }
}

/// Shows the figures of a day.
pub(crate) async fn show(desk: &Desk<'_>) -> Result<HttpResponse, Rejection> {
    let request = desk.request;
    let place = Place::read(request)?;
    let kept = desk.store.figures_of(&place.survey, place.day).await;
    let kept = kept.map_err(|error| trouble(request, "read figures", error))?;
    let kept = kept.ok_or_else(|| unknown(request))?;
    place.shown(request, 200, &kept)
}

/// Keeps the figures of a day in the place of those there are.
pub(crate) async fn put(desk: &Desk<'_>) -> Result<HttpResponse, Rejection> {
    let request = desk.request;
    let place = Place::read(request)?;
    // Wherever the survey is, its day has begun by then.
    let latest = request.at.to_zoned(TimeZone::UTC).date().tomorrow();
    if latest.is_ok_and(|latest| latest < place.day) {
        let (zh_cn, en) = ("不得晚于今天。", "It must not be later than today.");
        return Err(of_day(request, "too-late", zh_cn, en).into());
    }
    let body = Body::read(request)?;
    let tags = matching(request)?;
    let (text, value) = body.json(request)?;
    let figures = Figures::read(value).map_err(|invalid| refuse(request, text, &invalid))?;
    let forms = desk.store.latest_config::<Forms>(ConfigKind::Form).await;
    let forms = forms.map_err(|error| trouble(request, "read the forms", error))?;
    let forms = forms.map(|(_, forms)| forms).unwrap_or_default();
    if !forms.iter().any(|form| form.id == place.survey) {
        return Err(unknown(request).into());
    }
    let signed = Signed {
        by: desk.caller()?,
        at: request.at,
    };
    for _ in 0..TRIES {
        let seen = desk.store.figures_of(&place.survey, place.day).await;
        let seen = seen.map_err(|error| trouble(request, "read figures", error))?;
        // A request that is sent again after a lost answer finds what it wrote.
        if let Some(seen) = seen.as_ref().filter(|seen| seen.figures == figures) {
            return place.shown(request, 200, seen);
        }
        let version = seen.map(|seen| seen.version);
        let matched = tags
            .as_ref()
            .is_none_or(|tags| version.is_some_and(|version| tags.match_strongly(version)));
        if !matched {
            return Err(changed(request, Kind::PreconditionFailed, version).into());
        }
        let kept = desk
            .store
            .keep_figures(&place.survey, place.day, version, &figures, &signed);
        match kept
            .await
            .map_err(|error| trouble(request, "keep figures", error))?
        {
            KeptOne::Kept(now) => {
                let (survey, day) = (&place.survey, place.day);
                tracing::info!(%survey, %day, version = now, "figures were kept");
                let status = if version.is_none() { 201 } else { 200 };
                let kept = KeptFigures {
                    figures,
                    version: now,
                    signed,
                };
                return place.shown(request, status, &kept);
            }
            KeptOne::Overtaken => {}
        }
    }
    Err(busy(request))
}

fn unknown(request: &HttpRequest) -> Problem {
    let problem = request.problem(Kind::NotFound);
    problem.detail(
        "没有这个调查，或该日没有数据。",
        "There is no such survey, or there are no figures of that day.",
    )
}

fn of_day(request: &HttpRequest, code: &'static str, zh_cn: &str, en: &str) -> Problem {
    let mut faults = Faults::new(request.locale());
    faults.of_request("day", code, zh_cn, en);
    faults.refuse(request)
}
