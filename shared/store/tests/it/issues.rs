//! Issues and what stands beside them.

use jiff::{SignedDuration, Timestamp};
use resound_domain::event::Actor;
use resound_domain::id::{ImprovementId, IssueId, ResponseId, SubjectId};
use resound_domain::issue::improvement::{self, Improvement, Plan};
use resound_domain::issue::kano::{Answer, Pair};
use resound_domain::issue::{
    About, Command, Entry, How, Issue, Link, Reach, Reporter, Title, kano,
};
use resound_domain::response::Response;
use resound_store::{
    Accepted, Appended, Beside, Buried, IssueStep, Key, Linked, LookBack, Opened, Relinked,
    Suggestion,
};
use serde_json::json;

use crate::support::{DIGEST, Table, now, response_of, t0};

fn ann() -> Actor {
    Actor::Staff("ann".to_owned())
}

fn about() -> About {
    About {
        title: Title::new("物流太慢").unwrap(),
        category: None,
        touchpoint: None,
        product: None,
        core: false,
        effort: None,
        rule: None,
    }
}

fn id(n: u128) -> IssueId {
    IssueId::from_bits(n)
}

fn response(n: u128) -> ResponseId {
    ResponseId::from_bits(n)
}

impl Table {
    async fn opened_issue(&self, n: u128) -> Issue {
        let opened = Issue::open(about(), ann(), t0());
        let done = self.store.open_issue(id(n), &opened, None).await.unwrap();
        assert_eq!(done, Opened::New);
        self.store.issue(id(n)).await.unwrap().unwrap()
    }

    async fn received(&self, n: u128) -> Response {
        let response = response_of(n, json!({"text": "物流太慢", "nps": 3}));
        let accepted = self.store.accept(&response, &DIGEST, None, now()).await;
        assert_eq!(accepted.unwrap(), Accepted::New);
        response
    }

    /// Carries a command out beside links; whether somebody else was first.
    async fn command(
        &self,
        before: &Issue,
        command: &Command,
        relinked: &[Relinked<'_>],
    ) -> Appended {
        let entry = before.handle(command, ann(), t0()).unwrap().unwrap();
        let mut after = before.clone();
        after.apply(&entry);
        let step = IssueStep {
            before,
            after: &after,
            entry: &entry,
            command_key: Some("0123456789abcdef"),
        };
        let appended = self.store.append_to_issues(&[step], relinked).await;
        appended.unwrap()
    }

    async fn links(&self, n: u128) -> Vec<Link> {
        let page = self.store.links(&[id(n)], None, 100).await.unwrap();
        assert!(page.corrupt.is_empty() && page.next.is_none());
        page.found
    }
}

fn link(response: &Response, how: How) -> Link {
    Link {
        response: response.id,
        how,
        unlinked: false,
        reporter: Reporter::of(response, Some(SubjectId::from_bits(3))),
    }
}

fn suggestion(response: &Response) -> Suggestion {
    Suggestion {
        response: response.id,
        percent: 25,
        day: response.day,
    }
}

#[tokio::test]
async fn an_issue_is_opened_once_and_changed_by_whoever_saw_it() {
    let table = Table::new().await;
    let issue = table.opened_issue(1).await;
    let other = Issue::open(about(), Actor::System, t0());
    let again = table.store.open_issue(id(1), &other, None).await.unwrap();
    assert_eq!(again, Opened::Exists);

    let core = Command::SetCore { core: true };
    assert_eq!(table.command(&issue, &core, &[]).await, Appended::Appended);
    assert_eq!(table.command(&issue, &core, &[]).await, Appended::Conflict);
    let history = table.store.issue_history(id(1)).await.unwrap().unwrap();
    assert!(history.issue.about().core);
    let log: Vec<&Entry> = history.log.iter().map(|logged| &logged.entry).collect();
    assert_eq!(Issue::replay(id(1), log), Some(history.issue.clone()));
    assert_eq!(
        history.log[1].command_key.as_deref(),
        Some("0123456789abcdef")
    );
    assert_eq!(table.store.issue_history(id(2)).await.unwrap(), None);

    let known = table.store.issues().await.unwrap();
    assert_eq!(known.issues.len(), 1);
    assert_eq!(known.issues[0].issue, history.issue);
    assert!(known.issues[0].reach.is_none() && known.issues[0].look_back.is_none());
}

#[tokio::test]
async fn two_issues_are_merged_together_or_not_at_all() {
    let table = Table::new().await;
    let (one, two) = (table.opened_issue(1).await, table.opened_issue(2).await);
    let merge = |one: &Issue, two: &Issue| {
        let merged = one.handle(&Command::Merge { into: id(2) }, ann(), t0());
        let entries = [
            merged.unwrap().unwrap(),
            two.absorb(one, ann(), t0()).unwrap(),
        ];
        let after = |issue: &Issue, entry| {
            let mut after = issue.clone();
            after.apply(entry);
            after
        };
        let after = [after(one, &entries[0]), after(two, &entries[1])];
        (entries, after)
    };
    let (entries, after) = merge(&one, &two);
    let steps = [(&one, 0), (&two, 1)].map(|(before, n)| IssueStep {
        before,
        after: &after[n],
        entry: &entries[n],
        command_key: None,
    });
    // Somebody changes the survivor meanwhile.
    let core = Command::SetCore { core: true };
    assert_eq!(table.command(&two, &core, &[]).await, Appended::Appended);
    let refused = table.store.append_to_issues(&steps, &[]).await.unwrap();
    assert_eq!(refused, Appended::Conflict);
    assert_eq!(table.store.issue(id(1)).await.unwrap().unwrap(), one);

    let two = table.store.issue(id(2)).await.unwrap().unwrap();
    let (entries, after) = merge(&one, &two);
    let steps = [(&one, 0), (&two, 1)].map(|(before, n)| IssueStep {
        before,
        after: &after[n],
        entry: &entries[n],
        command_key: None,
    });
    let merged = table.store.append_to_issues(&steps, &[]).await.unwrap();
    assert_eq!(merged, Appended::Appended);
    let two = table.store.issue(id(2)).await.unwrap().unwrap();
    assert_eq!(two.family(), [id(2), id(1)]);
}

#[tokio::test]
async fn a_response_is_linked_once_and_one_that_was_taken_out_stays_out() {
    let table = Table::new().await;
    let issue = table.opened_issue(1).await;
    let response = table.received(7).await;
    let at = response.received_at;
    let by_rule = link(&response, How::Rule);
    let suggested = table.store.suggest(id(1), suggestion(&response), at).await;
    assert_eq!(suggested.unwrap(), Linked::Linked);
    // The answer to the first of both is lost, and the request sent again.
    table.lose_answer_of("TransactWriteItems");
    for _ in 0..2 {
        let done = table.store.link(id(1), &by_rule, at).await.unwrap();
        assert_ne!(done, Linked::Gone);
    }
    assert_eq!(table.lost(), 1);
    assert_eq!(table.links(1).await, std::slice::from_ref(&by_rule));
    let left = table.store.suggestions(id(1), None, 10).await.unwrap();
    assert!(left.found.is_empty(), "it is linked now");
    let suggested = table.store.suggest(id(1), suggestion(&response), at).await;
    assert_eq!(suggested.unwrap(), Linked::Present);

    let out = Link {
        unlinked: true,
        how: How::Hand,
        ..by_rule.clone()
    };
    let relinked = Relinked {
        seen: Some(&by_rule),
        link: &out,
        received_at: at,
    };
    let command = Command::Unlink {
        responses: vec![response.id],
    };
    let done = table.command(&issue, &command, &[relinked]).await;
    assert_eq!(done, Appended::Appended);
    assert_eq!(table.links(1).await, std::slice::from_ref(&out));
    let again = table.store.link(id(1), &by_rule, at).await.unwrap();
    assert_eq!(again, Linked::Present);
    let suggested = table.store.suggest(id(1), suggestion(&response), at).await;
    assert_eq!(suggested.unwrap(), Linked::Present);
    assert_eq!(table.links(1).await, std::slice::from_ref(&out));

    // By hand it comes back; and whoever saw it otherwise is told so.
    let issue = table.store.issue(id(1)).await.unwrap().unwrap();
    let back = link(&response, How::Hand);
    let command = Command::Link {
        responses: vec![response.id],
    };
    let wrong = Relinked {
        seen: Some(&by_rule),
        link: &back,
        received_at: at,
    };
    let done = table.command(&issue, &command, &[wrong]).await;
    assert_eq!(done, Appended::Conflict);
    let right = Relinked {
        seen: Some(&out),
        ..wrong
    };
    let done = table.command(&issue, &command, &[right]).await;
    assert_eq!(done, Appended::Appended);
    let of = table.store.links_of(id(1), &[response.id]).await.unwrap();
    assert_eq!(of, [back]);
}

#[tokio::test]
async fn an_erased_response_leaves_nothing_beside_any_issue_and_comes_beside_none() {
    let table = Table::new().await;
    let erased = table.received(7).await;
    let kept = table.received(8).await;
    for n in 1..=25 {
        table.opened_issue(n).await;
        for response in [&erased, &kept] {
            let at = response.received_at;
            let done = table
                .store
                .link(id(n), &link(response, How::Rule), at)
                .await;
            assert_eq!(done.unwrap(), Linked::Linked);
        }
    }
    table.opened_issue(30).await;
    let at = erased.received_at;
    let suggested = table.store.suggest(id(30), suggestion(&erased), at).await;
    assert_eq!(suggested.unwrap(), Linked::Linked);
    let pair = Pair {
        functional: Answer::Like,
        dysfunctional: Answer::Dislike,
    };
    let answered = table.store.answer_kano(id(30), erased.id, pair, at).await;
    assert_eq!(answered.unwrap(), Linked::Linked);

    let half = [
        Key::Link {
            issue: id(9),
            response: erased.id,
        },
        Key::Trail {
            response: erased.id,
            issue: id(9),
        },
    ];
    let items = [table.raw(&half[0]).await, table.raw(&half[1]).await];
    let buried = table.store.bury(erased.id, now()).await.unwrap();
    assert_eq!(buried, Buried::Buried);
    // Broken off behind the tombstone: the repeat does the rest.
    for item in items {
        table.plant(item.unwrap()).await;
    }
    assert_eq!(table.links(9).await.len(), 2);
    let buried = table.store.bury(erased.id, now()).await.unwrap();
    assert_eq!(buried, Buried::Buried);
    for n in 1..=25 {
        let left: Vec<_> = table.links(n).await.iter().map(|l| l.response).collect();
        assert_eq!(left, [kept.id]);
        let trail = Key::Trail {
            response: erased.id,
            issue: id(n),
        };
        assert_eq!(table.raw(&trail).await, None);
    }
    let suggestions = table.store.suggestions(id(30), None, 10).await.unwrap();
    assert!(suggestions.found.is_empty());
    assert!(
        table
            .store
            .kano_answers(&[id(30)])
            .await
            .unwrap()
            .is_empty()
    );

    let done = table
        .store
        .link(id(30), &link(&erased, How::Rule), at)
        .await;
    assert_eq!(done.unwrap(), Linked::Gone);
    let done = table.store.suggest(id(30), suggestion(&erased), at).await;
    assert_eq!(done.unwrap(), Linked::Gone);
    let done = table.store.answer_kano(id(30), erased.id, pair, at).await;
    assert_eq!(done.unwrap(), Linked::Gone);
}

#[tokio::test]
async fn the_links_of_a_family_are_walked_once_each_in_the_order_of_the_responses() {
    let table = Table::new().await;
    // One has what is odd, the other every third, the third nothing.
    let one: Vec<u128> = (0..30).filter(|n| n % 2 == 1).collect();
    let two: Vec<u128> = (0..30).filter(|n| n % 3 == 0).collect();
    for n in 1..=3 {
        table.opened_issue(n).await;
    }
    for n in 0..30 {
        let response = table.received(n).await;
        for (issue, of) in [(1, &one), (2, &two)] {
            if of.contains(&n) {
                let link = link(&response, How::Rule);
                let done = table.store.link(id(issue), &link, response.received_at);
                assert_eq!(done.await.unwrap(), Linked::Linked);
            }
        }
    }
    let family = [id(3), id(1), id(2)];
    for limit in [1, 2, 7, 100] {
        let (mut walked, mut after) = (Vec::new(), None);
        loop {
            let page = table.store.links(&family, after, limit).await.unwrap();
            let Beside { found, next, .. } = page;
            walked.extend(found.iter().map(|link| link.response));
            after = next;
            if after.is_none() {
                break;
            }
        }
        let expected: Vec<_> = (0..30)
            .filter(|n| one.contains(n) || two.contains(n))
            .map(response)
            .collect();
        assert_eq!(walked, expected, "{limit}");
    }
}

#[tokio::test]
async fn a_later_answer_to_the_paired_questions_takes_the_place_of_the_former() {
    let table = Table::new().await;
    table.opened_issue(1).await;
    let response = table.received(7).await;
    let pair = |functional| Pair {
        functional,
        dysfunctional: Answer::Dislike,
    };
    for (functional, outcome) in [
        (Answer::Like, Linked::Linked),
        (Answer::Neutral, Linked::Present),
    ] {
        let at = response.received_at;
        let answered = table
            .store
            .answer_kano(id(1), response.id, pair(functional), at);
        assert_eq!(answered.await.unwrap(), outcome);
    }
    let answers = table.store.kano_answers(&[id(1)]).await.unwrap();
    assert_eq!((answers.n(), answers.must_be), (1, 1));
}

fn hours(n: i64) -> Timestamp {
    t0() + SignedDuration::from_hours(n)
}

#[tokio::test]
async fn counts_and_places_only_move_forward() {
    let table = Table::new().await;
    let (store, survey) = (&table.store, resound_domain::form::FormId::default_form());
    table.opened_issue(1).await;
    let counted = |links, at| {
        let none: [&Link; 0] = [];
        let today = "2026-11-21".parse().unwrap();
        Reach {
            links,
            ..Reach::count(none, 0, kano::Answers::default(), today, at)
        }
    };
    for (links, hour, kept) in [(1, 1, 1), (2, 2, 2), (3, 1, 2)] {
        store
            .counted(id(1), &counted(links, hours(hour)))
            .await
            .unwrap();
        let known = &store.issues().await.unwrap().issues[0];
        assert_eq!(known.reach.as_ref().unwrap().links, kept);
        assert_eq!(store.reach(id(1)).await.unwrap(), known.reach);
    }
    let look = |rule, to| LookBack {
        rule,
        to: hours(to),
        until: hours(9),
    };
    for (given, kept) in [
        (look(1, 4), look(1, 4)),
        (look(1, 3), look(1, 4)),
        (look(1, 9), look(1, 9)),
        (look(5, 2), look(5, 2)),
        (look(1, 9), look(5, 2)),
    ] {
        store.looked_back(id(1), given).await.unwrap();
        let known = store.issues().await.unwrap().issues[0].look_back.unwrap();
        assert_eq!(known, kept);
        assert_eq!(known.is_done(), kept.to == hours(9));
    }
    assert_eq!(store.linked_to(&survey).await.unwrap(), None);
    for (to, kept) in [(2, 2), (1, 2), (3, 3)] {
        store.advance_linking(&survey, hours(to)).await.unwrap();
        assert_eq!(store.linked_to(&survey).await.unwrap(), Some(hours(kept)));
    }
}

#[tokio::test]
async fn the_responses_of_a_day_are_read_whole_and_without_the_erased() {
    let table = Table::new().await;
    let mut ids = Vec::new();
    for n in 1..=9 {
        ids.push(table.received(n).await.id);
    }
    let sample = table.received(10).await;
    let _buried = table.store.bury(sample.id, now()).await.unwrap();
    let survey = &sample.submission.form;
    let read = |from, to| {
        let store = &table.store;
        async move {
            let (mut found, mut after) = (Vec::new(), None);
            loop {
                let page = store.responses_on(survey, sample.day, (from, to), after);
                let page = page.await.unwrap();
                assert!(page.corrupt.is_empty());
                found.extend(page.responses.iter().map(|response| response.id));
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            found.sort();
            found
        }
    };
    assert_eq!(read(hours(-1), hours(1)).await, ids);
    let at = sample.received_at;
    assert!(read(hours(-1), at).await.is_empty(), "the end is not in it");
    assert!(read(at, at).await.is_empty());
    let (named, corrupt) = table
        .store
        .responses_named(&[ids[0], sample.id])
        .await
        .unwrap();
    assert_eq!((named.len(), named[0].id, corrupt.len()), (1, ids[0], 0));
}

#[tokio::test]
async fn an_improvement_is_changed_by_whoever_saw_it() {
    let table = Table::new().await;
    let store = &table.store;
    let plan = Plan {
        title: Title::new("第二个仓库").unwrap(),
        issues: vec![id(1)],
        touchpoint: Some("logistics".to_owned()),
        owner: None,
        due: None,
    };
    let number = ImprovementId::from_bits(5);
    let opened = Improvement::open(plan, ann(), t0());
    for outcome in [Opened::New, Opened::Exists] {
        let done = store.open_improvement(number, &opened, None).await;
        assert_eq!(done.unwrap(), outcome);
    }
    let before = store.improvements().await.unwrap().improvements.remove(0);
    let command = improvement::Command::Ship {
        version: "2.4".to_owned(),
    };
    let entry = before.handle(&command, ann(), hours(1)).unwrap().unwrap();
    let mut after = before.clone();
    after.apply(&entry);
    for outcome in [Appended::Appended, Appended::Conflict] {
        let done = store.append_to_improvement(&before, &after, &entry, Some("key"));
        assert_eq!(done.await.unwrap(), outcome);
    }
    let history = store.improvement_history(number).await.unwrap().unwrap();
    assert_eq!(history.improvement, after);
    assert_eq!(history.log.len(), 2);
    assert_eq!(history.log[1].command_key.as_deref(), Some("key"));
}
