//! Who was invited to try an improvement says whether they take part, and whether it is fixed for them.

use resound_domain::id::{ImprovementId, ResponseId};
use resound_domain::issue::Beta;
use resound_domain::issue::announcement::{Fate, Occasion};
use resound_domain::issue::beta::State;
use resound_domain::issue::tester::{Tester, Unheard};
use resound_domain::language::Language;
use resound_domain::response::Response;
use resound_lambda_kit::fields;
use resound_lambda_kit::http::{HttpRequest, HttpResponse, Rejection};
use resound_lambda_kit::problem::{Kind, Problem};
use resound_lambda_kit::receipt;
use resound_lambda_kit::telemetry::follow;
use resound_pages::{BetaView, beta_page, response};
use resound_store::{AnnouncedKey, Kept, Lookup, StoreError};
use serde::Serialize;

use crate::answer;
use crate::handler::{App, TRIES, busy, trouble};

/// Somebody who was invited.
struct Invited {
    response: Box<Response>,
    beta: Beta,
    tester: Tester,
}

/// What a program gets.
#[derive(Debug, Serialize)]
struct Standing {
    id: ResponseId,
    improvement: ImprovementId,
    /// `null` while they have not said.
    takes_part: Option<bool>,
    /// The same.
    fixed: Option<bool>,
    /// Whether they can join.
    open: bool,
    /// Whether those who joined are asked.
    asking: bool,
}

impl App {
    /// The page with the buttons. A link changes nothing by being followed.
    pub(crate) async fn show_beta(&self, request: &HttpRequest) -> Result<HttpResponse, Rejection> {
        let invited = self.invited(request).await?;
        if !request.wants_html() {
            return standing(request, &invited);
        }
        let Invited {
            response: reported,
            beta,
            tester,
        } = &invited;
        // The language they wrote in says more than the settings of the browser they read with.
        let asked = request.query("lang").and_then(Language::from_tag);
        let own = reported.submission.language();
        let language = asked.unwrap_or(own);
        let (wrote, words) = beta.terms().words.of(language);
        let path = request.path.rsplit_once("/betas/");
        let path = path.map_or(request.path.as_str(), |(receipt, _)| receipt);
        let view = BetaView {
            language,
            chinese: own.chinese(),
            status: &format!("{path}?lang={}", language.tag()),
            words: (wrote, words.as_str()),
            can_join: beta.can_be_joined(request.at),
            is_open: beta.state() != State::Closed,
            asks: beta.asked_at().is_some(),
            takes_part: tester.takes_part(),
            is_fixed: tester.is_fixed(),
        };
        Ok(response::page(200, beta_page(&view))
            .header("content-language", language.tag())
            .header("referrer-policy", "no-referrer")
            .no_store())
    }

    /// Takes down what they say. The same again changes nothing; the last word counts.
    pub(crate) async fn hear_tester(
        &self,
        request: &HttpRequest,
    ) -> Result<HttpResponse, Rejection> {
        // Whose link is wrong is told that before anything is read.
        self.config.keys.asked_for(request)?;
        let fields = fields::read(request).await?;
        let word = answer::word(&fields, request.locale());
        let word = word.map_err(|faults| request.problem(Kind::Invalid).errors(faults))?;
        for _ in 0..TRIES {
            let mut invited = self.invited(request).await?;
            let Invited {
                response,
                beta,
                tester,
            } = &invited;
            let heard = tester.hear(beta, word, request.at);
            let Some(next) = heard.map_err(|why| unheard(request, why))? else {
                return said(request, &invited);
            };
            let (id, of) = (beta.improvement(), (response.id, response.received_at));
            let kept = self.store.hear_tester(id, of, tester, &next).await;
            match kept.map_err(|error| trouble(request, "write what the tester said", error))? {
                Kept::Kept => {
                    tracing::info!(improvement = %id, response = %response.id, says = word.name(), "a tester spoke");
                    invited.tester = next;
                    return said(request, &invited);
                }
                // Something was said at the same moment, or the response was erased.
                Kept::Overtaken => {}
            }
        }
        Err(busy(request))
    }

    async fn invited(&self, request: &HttpRequest) -> Result<Invited, Rejection> {
        let response = self.config.keys.asked_for(request)?;
        let id = request.param("id").and_then(|id| id.parse().ok());
        let id: ImprovementId = id.ok_or_else(|| receipt::unknown(request))?;
        let these = [response];
        let read = tokio::try_join!(
            self.store.response(response),
            self.store.beta(id),
            self.store.fates(Occasion::Invitation, id, &these),
            self.store.testers(id, &these),
        );
        let read = read.map_err(|error| trouble(request, "read the invitation", error))?;
        let (found, beta, fates, testers) = read;
        let response = match found {
            Lookup::Found(response) => response,
            Lookup::Erased => return Err(receipt::erased(request).into()),
            Lookup::Missing => return Err(receipt::unknown(request).into()),
        };
        follow(response.trace_id);
        let beta = beta.ok_or_else(|| not_invited(request))?;
        let unreadable = fates.unreadable.into_iter().map(|(_, error)| error);
        if let Some(error) = unreadable.chain(testers.corrupt).next() {
            return Err(trouble(request, "read the invitation", error));
        }
        let was_invited = match fates.kept.first() {
            Some(told) => told.fate.was_perhaps_written(),
            None => {
                let claimed = self.is_claimed(id, response.id).await;
                claimed.map_err(|error| trouble(request, "read the ledger", error))?
            }
        };
        if !was_invited {
            return Err(not_invited(request).into());
        }
        let mut testers = testers.said;
        Ok(Invited {
            tester: testers.remove(&response.id).unwrap_or_default(),
            response,
            beta,
        })
    }

    /// Whether somebody began to write an invitation: it may be in their hands before that is recorded.
    async fn is_claimed(
        &self,
        improvement: ImprovementId,
        response: ResponseId,
    ) -> Result<bool, StoreError> {
        let drawn = self.store.draw(improvement).await?;
        let candidate = drawn.and_then(|drawn| {
            let mut drawn = drawn.draw.sample.candidates().iter().copied();
            drawn.find(|one| one.response == response)
        });
        let Some(candidate) = candidate else {
            return Ok(false);
        };
        let key = AnnouncedKey {
            contact: candidate.contact,
            improvement,
            occasion: Occasion::Invitation,
        };
        let entry = self.store.announced(key).await?;
        let fate = entry.and_then(|entry| entry.fate());
        Ok(fate.is_some_and(|fate| fate != Fate::Refused))
    }
}

/// To a person the page, to a program where they stand.
fn said(request: &HttpRequest, invited: &Invited) -> Result<HttpResponse, Rejection> {
    if !request.wants_html() {
        return standing(request, invited);
    }
    Ok(response::back_to(request, &request.path, ""))
}

fn standing(request: &HttpRequest, invited: &Invited) -> Result<HttpResponse, Rejection> {
    let Invited {
        response,
        beta,
        tester,
    } = invited;
    let standing = Standing {
        id: response.id,
        improvement: beta.improvement(),
        takes_part: tester.takes_part(),
        fixed: tester.is_fixed(),
        open: beta.can_be_joined(request.at),
        asking: beta.asked_at().is_some() && beta.state() != State::Closed,
    };
    Ok(HttpResponse::json(200, &standing)?.no_store())
}

fn not_invited(request: &HttpRequest) -> Problem {
    request.problem(Kind::NotFound).detail(
        "这里没有试用邀请。请从邮件中重新复制完整的链接。",
        "There is no invitation here. Copy the whole link from the letter again.",
    )
}

fn unheard(request: &HttpRequest, why: Unheard) -> Problem {
    let problem = request.problem(Kind::Conflict);
    match why {
        Unheard::Over => problem.detail(
            "试用已结束，谢谢您。",
            "It is too late for that: thank you all the same.",
        ),
        Unheard::NotJoined => problem.detail("请先选择参加试用。", "Say first that you take part."),
        Unheard::NotAsked => problem.detail(
            "请先试用，我们稍后会写信询问您。",
            "Please try it first: we will write and ask you.",
        ),
        Unheard::TooMuch => problem.detail(
            "您已多次更改选择，不能再更改了。",
            "You have changed your mind very often: it stays as it is now.",
        ),
    }
}
