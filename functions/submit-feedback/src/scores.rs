//! Scores that are added or changed later, through the private link.

use resound_domain::id::ResponseId;
use resound_domain::response::{Response, Unamendable};
use resound_domain::score::Scores;
use resound_domain::submission::Faults;
use resound_lambda_kit::http::{HttpRequest, HttpResponse, Rejection};
use resound_lambda_kit::metrics::Counter;
use resound_lambda_kit::problem::{Kind, Problem};
use resound_lambda_kit::receipt::SigningKeys;
use resound_lambda_kit::telemetry::follow;
use resound_lambda_kit::{Fault, Invocation, fields, receipt};
use resound_pages::response;
use resound_store::{Amended, Lookup, Store};
use serde::Serialize;

use crate::handler::field_errors;

/// How often a change is decided anew because somebody else's came first.
const TRIES: u32 = 3;

/// What a program gets for a change.
#[derive(Debug, Serialize)]
struct Kept {
    id: ResponseId,
    scores: Scores,
    scores_until: jiff::Timestamp,
}

/// Adds or changes scores. Sending the same again changes nothing, so a repeat needs no key.
pub(crate) async fn amend(
    store: &Store,
    keys: &SigningKeys,
    request: &HttpRequest,
    invocation: &Invocation,
) -> Result<HttpResponse, Rejection> {
    let id = keys.asked_for(request)?;
    let fields = fields::read(request).await?;
    let given = Scores::parse(&fields).map_err(|faults| invalid(request, &faults))?;
    for _ in 0..TRIES {
        let looked = store.response(id).await;
        let mut response = match looked.map_err(|e| Fault::doing("read the response", e))? {
            Lookup::Found(response) => response,
            Lookup::Erased => return Err(receipt::erased(request).into()),
            Lookup::Missing => return Err(receipt::unknown(request).into()),
        };
        follow(response.trace_id);
        let change = response.amend(given, request.at);
        let Some(amendment) = change.map_err(|why| refused(request, why))? else {
            return kept(request, &response);
        };
        let amended = store
            .amend(&response, &amendment, invocation.machine_now)
            .await
            .map_err(|e| Fault::doing("change the scores", e))?;
        match amended {
            Amended::Done => {
                invocation.metrics.count(Counter::ScoresAmended, 1);
                tracing::info!(response = %id, times = amendment.times, "scores changed");
                response.amended = Some(amendment);
                return kept(request, &response);
            }
            Amended::Overtaken => {}
        }
    }
    Err(request.problem(Kind::Unavailable).into())
}

/// To a person the status page, in the language they had it in; to a program the scores.
fn kept(request: &HttpRequest, response: &Response) -> Result<HttpResponse, Rejection> {
    if !request.wants_html() {
        let kept = Kept {
            id: response.id,
            scores: response.scores(),
            scores_until: response.amendable_until(),
        };
        return Ok(HttpResponse::json(200, &kept)?.no_store());
    }
    let page = request.path.strip_suffix("/scores").unwrap_or("/");
    Ok(response::back_to(request, page, "#scores"))
}

fn invalid(request: &HttpRequest, faults: &Faults) -> Problem {
    request
        .problem(Kind::Invalid)
        .errors(field_errors(faults, request.locale()))
}

fn refused(request: &HttpRequest, why: Unamendable) -> Problem {
    let problem = request.problem(Kind::Conflict);
    match why {
        Unamendable::Late => problem.detail(
            "评分已经超过可以修改的期限。如果您的看法变了，欢迎再写一条反馈。",
            "The time to change these scores is over. If you see it differently now, write to us again.",
        ),
        Unamendable::TooOften => problem.detail(
            "这条反馈的评分已经修改过很多次，不能再改了。如果您的看法变了，欢迎再写一条反馈。",
            "These scores were changed many times and cannot be changed again. If you see it differently now, write to us again.",
        ),
    }
}
