//! "Would you try it first?" and "Is it fixed?"

use jiff::SignedDuration;
use resound_domain::case::Case;
use resound_domain::event::Actor;
use resound_domain::id::{ContactId, ImprovementId, IssueId, Lot};
use resound_domain::issue::announcement::{Fate, Occasion, Words};
use resound_domain::issue::beta::{Beta, Command, Seed, Size, Terms};
use resound_domain::issue::improvement::{Improvement, Plan};
use resound_domain::issue::pick::{Candidate, Draw};
use resound_domain::issue::tester::MOST_SAID;
use resound_domain::issue::{Note, Title};
use resound_domain::policy::Priority;
use resound_lambda_kit::receipt::SigningKeys;
use resound_store::{
    AnnouncedKey, Appended, Approach, Buried, Claim, Kept, Opened, Outcome, Recorded, Tell, Told,
};
use resound_testing::{SIGNING_KEYS, start};
use serde_json::{Value, json};

use crate::support::{Desk, Request, after};

const ID: ImprovementId = ImprovementId::from_bits(24);
const CONTACT: ContactId = ContactId::from_bits(7);

fn ann() -> Actor {
    Actor::Staff("ann".to_owned())
}

/// A beta that is open for 100 hours, and whoever sent the response of a case drawn for it.
async fn drawn(desk: &Desk) -> (Beta, Case) {
    let case = desk.aws.opened(1, Priority::P3).await;
    let plan = Plan {
        title: Title::new("Start without a network").unwrap(),
        issues: vec![IssueId::from_bits(1)],
        touchpoint: None,
        owner: None,
        due: None,
    };
    let opened = Improvement::open(plan, ann(), start());
    let terms = Terms {
        size: Size::USUAL,
        seed: Seed::new("lots-1").unwrap(),
        words: Words {
            zh_cn: Note::new("请安装测试版").unwrap(),
            zh_tw: None,
            en: Note::new("Install <the> beta").unwrap(),
        },
        until: after(100),
    };
    let improvement = Improvement::begin(ID, &opened).unwrap();
    let started = Beta::start(&improvement, None, terms, ann(), start()).unwrap();
    let done = desk.aws.store.start_beta(ID, &started, None).await;
    assert_eq!(done.unwrap(), Opened::New);
    let mut draw = Draw::begin();
    let candidate = Candidate {
        lot: Lot::from_bits(1),
        contact: CONTACT,
        response: case.id().response(),
    };
    draw.sample.add(candidate, 1);
    let kept = desk.aws.store.draw_on(ID, None, draw).await;
    assert!(kept.unwrap().is_some());
    (Beta::begin(ID, &started).unwrap(), case)
}

/// The same, invited.
async fn invited(desk: &Desk) -> (Beta, Case) {
    let (beta, case) = drawn(desk).await;
    became(desk, &case, Fate::Sent).await;
    (beta, case)
}

async fn became(desk: &Desk, case: &Case, fate: Fate) {
    let tell = Tell {
        told: Told {
            response: case.id().response(),
            improvement: ID,
            occasion: Occasion::Invitation,
            fate,
            at: start(),
        },
        seen: None,
        received_at: start(),
    };
    let kept = desk.aws.store.tell(&tell).await;
    assert_eq!(kept.unwrap(), Kept::Kept);
}

async fn command(desk: &Desk, beta: &Beta, command: Command) -> Beta {
    let entry = beta.handle(command, ann(), after(1)).unwrap().unwrap();
    let mut next = beta.clone();
    next.apply(&entry);
    let done = desk.aws.store.append_to_beta(beta, &next, &entry, None);
    assert_eq!(done.await.unwrap(), Appended::Appended);
    next
}

/// All that the table has of what they said.
async fn said(desk: &Desk, case: &Case) -> Vec<&'static str> {
    let response = case.id().response();
    let testers = desk.aws.store.testers(ID, &[response]).await.unwrap();
    assert!(testers.corrupt.is_empty());
    let said = testers.said.get(&response).into_iter();
    said.flat_map(|tester| tester.said().iter().map(|said| said.word.name()))
        .collect()
}

#[tokio::test]
async fn the_page_leads_to_their_feedback() {
    let desk = Desk::new().await;
    let (_, case) = invited(&desk).await;
    let keys: SigningKeys = SIGNING_KEYS.parse().unwrap();
    let token = keys.issue_receipt(case.id().response());
    for (query, language) in [("", "en"), ("lang=zh-TW", "zh-TW")] {
        let page = Request::follow(&case, ID).query(query).at(after(1));
        let page = desk.ask(page).await;
        let link = format!("<a href=\"/v1/receipts/{token}?lang={language}\">");
        assert!(page.body.as_str().unwrap().contains(&link), "{link}");
    }
}

#[tokio::test]
async fn a_link_that_is_followed_says_nothing_and_a_button_does() {
    let desk = Desk::new().await;
    let (beta, case) = invited(&desk).await;
    for _ in 0..2 {
        let page = desk.ask(Request::follow(&case, ID).at(after(1))).await;
        assert_eq!(page.status, 200);
        let html = page.body.as_str().unwrap();
        assert!(html.contains("Install &lt;the&gt; beta"), "{html}");
        assert!(html.contains(r#"value="joined""#) && !html.contains(r#"value="fixed""#));
        assert_eq!(page.headers["referrer-policy"], "no-referrer");
        let program = Request::follow(&case, ID).header("accept", "application/json");
        let standing = desk.ask(program.at(after(1))).await;
        let expected = json!({
            "id": case.id().response(), "improvement": ID,
            "takes_part": null, "fixed": null, "open": true, "asking": false,
        });
        assert_eq!(standing.body, expected);
    }
    assert_eq!(said(&desk, &case).await, [""; 0]);

    // A double click is one word.
    for _ in 0..2 {
        let pressed = desk.ask(Request::press(&case, ID, "joined").at(after(1)));
        let pressed = pressed.await;
        assert_eq!(pressed.status, 303);
        let location = pressed.headers["location"].as_str().unwrap();
        assert!(location.ends_with(&format!("/betas/{ID}")), "{location}");
    }
    assert_eq!(said(&desk, &case).await, ["joined"]);
    let early = desk
        .ask(Request::say(&case, ID, "fixed").at(after(1)))
        .await;
    assert_eq!(early.status, 409, "nobody has asked yet");

    command(&desk, &beta, Command::Ask).await;
    let page = desk.ask(Request::follow(&case, ID).at(after(2))).await;
    assert!(page.body.as_str().unwrap().contains(r#"value="not_fixed""#));
    for (word, fixed) in [("not_fixed", false), ("fixed", true), ("fixed", true)] {
        let heard = desk.ask(Request::say(&case, ID, word).at(after(2))).await;
        assert_eq!((heard.status, &heard.body["fixed"]), (200, &json!(fixed)));
    }
    assert_eq!(said(&desk, &case).await, ["joined", "not_fixed", "fixed"]);
}

#[tokio::test]
async fn the_page_is_in_the_language_they_wrote_in_unless_they_choose_another() {
    let desk = Desk::new().await;
    let (_, case) = invited(&desk).await;
    let (zh_cn, en) = (
        ["参加试用", "请安装测试版"],
        ["Take part", "Install &lt;the&gt; beta"],
    );
    for (query, browser, expected, other) in
        [("", "zh-CN", en, zh_cn), ("lang=zh-CN", "en", zh_cn, en)]
    {
        let followed = Request::follow(&case, ID).query(query);
        let followed = followed.header("accept-language", browser).at(after(1));
        let page = desk.ask(followed).await;
        let html = page.body.as_str().unwrap();
        for text in expected {
            assert!(html.contains(text), "{query}: {html}");
        }
        for text in other {
            assert!(!html.contains(text), "{query}: {html}");
        }
    }
}

#[tokio::test]
async fn only_the_link_of_whoever_was_invited_speaks() {
    let desk = Desk::new().await;
    let (_, case) = invited(&desk).await;
    let other = desk.aws.opened(2, Priority::P3).await;
    let say = |case: &Case, improvement| Request::say(case, improvement, "joined").at(after(1));
    let keys: SigningKeys = SIGNING_KEYS.parse().unwrap();
    let own = keys.issue_receipt(case.id().response());
    // Another's reference under our signature, one that is made for another purpose, and none.
    let strange = own.replacen('1', "2", 1);
    let purpose = keys.issue_unsubscribe(ContactId::from_bits(case.id().response().bits()));
    for request in [
        say(&other, ID),
        say(&case, ImprovementId::from_bits(25)),
        say(&case, ID).token(&strange),
        say(&case, ID).token(&own[..own.len() - 1]),
        say(&case, ID).token(&purpose),
        say(&case, ID).token(""),
    ] {
        let answer = desk.ask(request.clone()).await;
        assert_eq!(answer.status, 404, "{request:?}");
    }
    assert_eq!(said(&desk, &case).await, [""; 0]);
    let nonsense = desk.ask(Request::say(&case, ID, "other")).await;
    assert_eq!(
        (nonsense.status, nonsense.faults()),
        (422, vec![("says", "unknown-value")])
    );
    assert_eq!(desk.ask(say(&case, ID)).await.status, 200);
    let buried = desk.aws.store.bury(case.id().response(), start()).await;
    assert_eq!(buried.unwrap(), Buried::Buried);
    assert_eq!(desk.ask(say(&case, ID)).await.status, 410);
    assert_eq!(said(&desk, &case).await, [""; 0], "gone with the response");
}

#[tokio::test]
async fn a_letter_that_may_be_in_their_hands_invites_and_no_other() {
    let desk = Desk::new().await;
    let (_, case) = drawn(&desk).await;
    let status = async || {
        let page = desk.ask(Request::follow(&case, ID).at(after(1))).await;
        let word = desk
            .ask(Request::say(&case, ID, "declined").at(after(1)))
            .await;
        assert_eq!(page.status, word.status);
        page.status
    };
    assert_eq!(status().await, 404, "drawn, and nobody has written");
    let key = AnnouncedKey {
        contact: CONTACT,
        improvement: ID,
        occasion: Occasion::Invitation,
    };
    let store = &desk.aws.store;
    let claim = async |holder: &str| {
        let all = store.approachable(Occasion::Invitation, ID, &[CONTACT], start());
        let known = all.await.unwrap().known.remove(&CONTACT).unwrap();
        let whom = (case.id().response(), &known);
        let lease = SignedDuration::from_secs(90);
        let claim = store.approach(key, whom, holder, (start(), start()), lease);
        match claim.await.unwrap() {
            Approach::Claim(Claim::Fresh(lease)) => lease,
            other => panic!("not ours: {other:?}"),
        }
    };
    let lease = claim("one").await;
    assert_eq!(
        status().await,
        200,
        "it may have gone out and not be recorded"
    );
    let released = store.release(&lease).await;
    assert_eq!(released.unwrap(), Recorded::Recorded);
    assert_eq!(status().await, 404, "it certainly has not");
    let lease = claim("two").await;
    let refused = store.record(&lease, &Outcome::Refused, start()).await;
    assert_eq!(refused.unwrap(), Recorded::Recorded);
    assert_eq!(status().await, 404);
    became(&desk, &case, Fate::Refused).await;
    assert_eq!(status().await, 404);
}

#[tokio::test]
async fn it_is_heard_while_it_is_open_and_not_for_ever() {
    let desk = Desk::new().await;
    let (beta, case) = invited(&desk).await;
    let say = async |word: &str, hours| {
        let answer = desk
            .ask(Request::say(&case, ID, word).at(after(hours)))
            .await;
        answer.status
    };
    assert_eq!(say("joined", 100).await, 409, "the end has passed");
    for n in 0..MOST_SAID {
        let word = ["joined", "declined"][n % 2];
        assert_eq!(say(word, 99).await, 200, "{n}");
    }
    assert_eq!(say("joined", 99).await, 409);
    let closed = command(&desk, &beta, Command::Close).await;
    assert!(!closed.can_be_joined(after(1)));
    assert_eq!(say("declined", 99).await, 200, "they have said so already");
    assert_eq!(said(&desk, &case).await.len(), MOST_SAID);
    let page = desk.ask(Request::follow(&case, ID).at(after(99))).await;
    let html: &Value = &page.body;
    assert!(!html.as_str().unwrap().contains("<button"), "{html}");
}
