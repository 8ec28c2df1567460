//! One thing that many complain of, from the first look at it to the letter that says it is mended: an issue, an improvement,
//! a beta, an announcement. Customers do what their letters ask of them.

use std::collections::BTreeSet;

use jiff::civil::{Time, time};
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use resound_domain::calendar;
use serde_json::{Value, json};

use super::{DemoError, Step, Teller, later, stopped};

/// What happens, how many days back, and when on that day.
const STORY: [(i32, Time, Deed); 14] = [
    (50, time(9, 0, 0, 0), Deed::Gather),
    (40, time(9, 0, 0, 0), Deed::Plan),
    (36, time(9, 0, 0, 0), Deed::Invite),
    // Who is drawn, and what they are written.
    (35, time(10, 30, 0, 0), Deed::Write),
    (35, time(10, 31, 0, 0), Deed::Write),
    (34, time(19, 0, 0, 0), Deed::Join),
    (30, time(9, 0, 0, 0), Deed::Ask),
    (30, time(10, 30, 0, 0), Deed::Write),
    (29, time(20, 0, 0, 0), Deed::Judge),
    (26, time(9, 0, 0, 0), Deed::End),
    (SHIPPED, time(8, 0, 0, 0), Deed::Ship),
    (23, time(9, 0, 0, 0), Deed::Announce),
    (23, time(10, 30, 0, 0), Deed::Write),
    (23, time(10, 31, 0, 0), Deed::Write),
];
/// How many days back somebody complains of it, whatever the others do.
pub(super) const COMPLAINTS: [i64; 12] = [64, 61, 60, 58, 55, 54, 52, 49, 47, 45, 43, 41];
/// How many days back it was mended: nobody complains of it since.
pub(super) const SHIPPED: i32 = 24;
/// Words of those who complain of it.
pub(super) const SIGNS: [&str; 2] = ["闪退", "crash"];
/// How many may try it first.
const TESTERS: u32 = 6;
/// How long they may join, from the invitation on.
const OPEN: SignedDuration = SignedDuration::from_hours(9 * 24);

/// What somebody does about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Deed {
    Gather,
    Plan,
    Invite,
    Write,
    Join,
    Ask,
    Judge,
    End,
    Ship,
    Announce,
}

/// What has come of it so far.
#[derive(Debug, Default)]
pub(super) struct Fix {
    issue: String,
    improvement: String,
}

impl Teller<'_> {
    pub(super) fn plan_fix(&mut self) {
        let zone = self.variable("tell-reporters", "TIME_ZONE");
        let zone = calendar::zone(&zone).unwrap_or(jiff::tz::TimeZone::UTC);
        let today = self.until.to_zoned(zone.clone()).date();
        for (days, time, deed) in STORY {
            let day = today.saturating_sub(days.days());
            // A time that the clock of that day left out is one that nobody is told of.
            if let Ok(at) = day.to_datetime(time).to_zoned(zone.clone()) {
                self.plan(at.timestamp(), Step::Fix { deed });
            }
        }
    }

    pub(super) async fn fix(&mut self, at: Timestamp, deed: Deed) -> Result<(), DemoError> {
        let improvement = format!("/v1/improvements/{}", self.fix.improvement);
        let until = later(at, OPEN).to_string();
        let (path, body) = match deed {
            Deed::Gather => (
                "/v1/issues".to_owned(),
                json!({"title": "The app crashes when it is opened", "rule": {"words": SIGNS}}),
            ),
            Deed::Plan => (
                "/v1/improvements".to_owned(),
                json!({"title": "An app that starts", "issues": [self.fix.issue], "touchpoint": "product"}),
            ),
            Deed::Invite => (
                format!("{improvement}/beta"),
                json!({
                    "zh-CN": "3.2.1 测试版已经修好了打开就闪退的问题。在应用里选择“设置 > 测试版”即可安装。",
                    "zh-TW": "3.2.1 測試版已經修好了打開就閃退的問題。在應用程式裡選擇「設定 > 測試版」即可安裝。",
                    "en": "The beta of 3.2.1 no longer crashes when it is opened. Choose Settings > Beta in the app to get it.",
                    "size": TESTERS, "until": until, "seed": "demo",
                }),
            ),
            Deed::Ask => (
                format!("{improvement}/beta/commands"),
                json!({"command": "ask"}),
            ),
            Deed::End => (
                format!("{improvement}/beta/commands"),
                json!({"command": "close"}),
            ),
            Deed::Ship => (
                format!("{improvement}/commands"),
                json!({"command": "ship", "release": "3.2.1"}),
            ),
            Deed::Announce => (
                format!("{improvement}/announcement"),
                json!({
                    "zh-CN": "请在应用商店更新到 3.2.1，打开应用不会再闪退。",
                    "zh-TW": "請在應用程式商店更新到 3.2.1，打開應用程式不會再閃退。",
                    "en": "Please update to 3.2.1 in your app store: it no longer crashes when you open it.",
                }),
            ),
            Deed::Write => return self.write(at).await,
            Deed::Join => {
                return self
                    .try_it(at, &["joined", "joined", "joined", "declined"])
                    .await;
            }
            Deed::Judge => {
                return self
                    .try_it(at, &["fixed", "fixed", "fixed", "not_fixed"])
                    .await;
            }
        };
        let token = self.server.token("lead").unwrap_or_default();
        let key = format!("demo-fix-{deed:?}-{}", at.as_second());
        let (status, answer) = self.ask(at, "POST", &path, &key, Some(&token), &body).await;
        if !(200..=299).contains(&status) {
            return Err(stopped(
                at,
                format!("{body} was answered with {status}: {answer}"),
            ));
        }
        let id = answer.get("id").and_then(Value::as_str).unwrap_or_default();
        match deed {
            Deed::Gather => id.clone_into(&mut self.fix.issue),
            Deed::Plan => id.clone_into(&mut self.fix.improvement),
            _ => {}
        }
        self.summary.commands += 1;
        Ok(())
    }

    /// Lets the letters go that wait for their minute.
    async fn write(&self, at: Timestamp) -> Result<(), DemoError> {
        let schedules = self.engine.stack().schedules.iter();
        for schedule in schedules.filter(|schedule| schedule.function == "tell-reporters") {
            let fired = self.engine.fire(schedule, at).await;
            fired.map_err(|fault| stopped(at, fault.to_string()))?;
        }
        Ok(())
    }

    /// Whoever was invited follows the link of their letter and says one of these; a few never look. Who did not join has
    /// nothing to judge, and hears so.
    async fn try_it(&mut self, at: Timestamp, says: &[&str]) -> Result<(), DemoError> {
        let letters = self.engine.aws().mailbox().list();
        let pages: BTreeSet<String> = letters
            .iter()
            .filter_map(|letter| page_of(&letter.text))
            .collect();
        for page in pages {
            if self.random.below(6) == 0 {
                continue;
            }
            let body = json!({"says": self.random.pick(says)});
            let key = format!("demo-try-{}", self.random.below(u64::MAX));
            let (status, answer) = self.ask(at, "POST", &page, &key, None, &body).await;
            if status >= 500 {
                return Err(stopped(
                    at,
                    format!("{body} was answered with {status}: {answer}"),
                ));
            }
        }
        Ok(())
    }
}

/// The page of a beta that a letter leads to.
fn page_of(text: &str) -> Option<String> {
    let links = text
        .split_whitespace()
        .filter_map(|word| word.split_once("/v1/receipts/"));
    let mut pages = links.map(|(_, page)| page.split(['?', '#']).next().unwrap_or(page));
    pages
        .find(|page| page.contains("/betas/"))
        .map(|page| format!("/v1/receipts/{page}"))
}
