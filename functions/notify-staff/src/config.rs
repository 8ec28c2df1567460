//! The variables of this function.

use jiff::SignedDuration;
use jiff::tz::TimeZone;
use resound_domain::locale::Locale;
use resound_domain::policy::Audience;
use resound_lambda_kit::config::{Recorded, Vars};
use resound_lambda_kit::mail::Mailbox;
use resound_lambda_kit::outbound::Reach;
use resound_sinks::standard::Receiver;
use resound_sinks::{Recipient, Sink, SinkKind};
use resound_store::Medium;

/// Every variable this function reads besides those of the shell.
pub const VARIABLES: &[&str] = &[
    "TABLE_NAME",
    "PUBLIC_URL",
    "TIME_ZONE",
    "STAFF_LOCALE",
    "MAIL_FROM",
    "OWNER_EMAIL",
    "TEAM_LEAD_EMAIL",
    "MANAGER_EMAIL",
    "EXECUTIVE_EMAIL",
    "ALERT_WEBHOOK_URL",
    "ALERT_WEBHOOK_SECRET",
    "WEBHOOK_ALLOW_PRIVATE",
    "ALERT_GROUP_SECONDS",
    "STAFF_ALERTS_URL",
];

/// The most that alerts may wait for others: below the first repair of an event, less a function's time.
const MOST_SECONDS: u32 = 120;

/// What this function needs to know.
#[derive(Debug)]
pub struct Config {
    /// The table.
    pub table: String,
    /// Where staff reach the system, without a slash at the end.
    pub public_url: String,
    /// Who writes; `None` if this installation sends no mail.
    pub from: Option<Mailbox>,
    /// How far webhooks may reach.
    pub reach: Reach,
    /// The zone dates are written in, while no recipients are published; this holds for what follows too.
    pub zone: TimeZone,
    /// The language staff are written in.
    pub locale: Locale,
    /// Who is written to.
    pub addresses: Addresses,
    /// Who gets webhooks, if anybody.
    pub receiver: Option<Receiver>,
    /// How long the first alert of a group waits for others; `None`: each is a message of its own, and quiet hours are
    /// not kept.
    pub group_window: Option<SignedDuration>,
    /// The queue of this function, on which it reminds itself of groups.
    pub queue: String,
}

/// The addresses of staff by their role; any may be missing.
#[derive(Debug, Default)]
pub struct Addresses {
    /// The team's inbox, for cases without an owner who has an address.
    pub owner: Option<Mailbox>,
    /// The team lead.
    pub team_lead: Option<Mailbox>,
    /// The manager.
    pub manager: Option<Mailbox>,
    /// The executive.
    pub executive: Option<Mailbox>,
}

impl Config {
    /// Reads the variables.
    ///
    /// # Errors
    /// [`Recorded`], with every fault in the report.
    pub fn read(vars: &mut Vars) -> Result<Self, Recorded> {
        let table = vars.required("TABLE_NAME");
        let public_url = vars.required("PUBLIC_URL");
        let zone = vars.zone("TIME_ZONE");
        let locale = vars.required("STAFF_LOCALE").and_then(|tag| {
            Locale::from_tag(&tag)
                .ok_or_else(|| vars.record("STAFF_LOCALE: `zh-CN` or `en` is expected"))
        });
        let from = vars.parse_optional("MAIL_FROM");
        let owner = vars.parse_optional("OWNER_EMAIL");
        let team_lead = vars.parse_optional("TEAM_LEAD_EMAIL");
        let manager = vars.parse_optional("MANAGER_EMAIL");
        let executive = vars.parse_optional("EXECUTIVE_EMAIL");
        let private = vars.parse_optional("WEBHOOK_ALLOW_PRIVATE");
        let reach = private.map(|private| match private.unwrap_or(false) {
            true => Reach::Anywhere,
            false => Reach::Public,
        });
        let receiver = reach.and_then(|reach| {
            Receiver::read(vars, "ALERT_WEBHOOK_URL", "ALERT_WEBHOOK_SECRET", reach)
        });
        let group_window = group_window(vars);
        let queue = vars.required("STAFF_ALERTS_URL");
        Ok(Self {
            table: table?,
            public_url: public_url?.trim_end_matches('/').to_owned(),
            from: from?,
            reach: reach?,
            zone: zone?,
            locale: locale?,
            addresses: Addresses {
                owner: owner?,
                team_lead: team_lead?,
                manager: manager?,
                executive: executive?,
            },
            receiver: receiver?,
            group_window: group_window?,
            queue: queue?,
        })
    }

    /// Who is told when an audience is to be, while no recipients are published; they may have no sinks. `case_owner` is
    /// who works the case, if that is an address.
    ///
    /// The names of the sinks are those the ledger has always had.
    pub fn recipient(&self, audience: Audience, case_owner: Option<&Mailbox>) -> Recipient {
        let sink = |medium: Medium, kind| Sink {
            name: medium.name().to_owned(),
            kind,
        };
        let to = self.addresses.find(audience, case_owner);
        let letter = to
            .filter(|_| self.from.is_some())
            .map(|to| sink(Medium::EMAIL, SinkKind::Email { to: to.clone() }));
        let webhook = self.receiver.as_ref().map(|receiver| {
            let (url, secrets) = (receiver.target.clone(), receiver.secrets.clone());
            sink(Medium::WEBHOOK, SinkKind::Webhook { url, secrets })
        });
        Recipient {
            locale: self.locale,
            zone: self.zone.clone(),
            quiet: None,
            sinks: letter.into_iter().chain(webhook).collect(),
        }
    }
}

fn group_window(vars: &mut Vars) -> Result<Option<SignedDuration>, Recorded> {
    match vars.parse_optional::<u32>("ALERT_GROUP_SECONDS")? {
        None | Some(0) => Ok(None),
        Some(seconds) if seconds <= MOST_SECONDS => {
            Ok(Some(SignedDuration::from_secs(seconds.into())))
        }
        Some(_) => Err(vars.record(format!(
            "ALERT_GROUP_SECONDS: 0 to {MOST_SECONDS} are expected"
        ))),
    }
}

impl Addresses {
    /// Who is written to for an audience. `case_owner` is who works the case, if that is an address.
    ///
    /// Where a role has no address the nearest role below gets the alert, and where none below has one the nearest
    /// above: an alert for the wrong person beats one for nobody.
    pub fn find<'a>(
        &'a self,
        audience: Audience,
        case_owner: Option<&'a Mailbox>,
    ) -> Option<&'a Mailbox> {
        let ladder = [
            (Audience::Owner, case_owner.or(self.owner.as_ref())),
            (Audience::TeamLead, self.team_lead.as_ref()),
            (Audience::Manager, self.manager.as_ref()),
            (Audience::Executive, self.executive.as_ref()),
        ];
        let below = ladder.iter().filter(|(role, _)| *role <= audience).rev();
        let above = ladder.iter().filter(|(role, _)| *role > audience);
        below.chain(above).find_map(|&(_, mailbox)| mailbox)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Config, String> {
        let usual = [
            ("TABLE_NAME", "table"),
            ("PUBLIC_URL", "https://example.test/"),
            ("TIME_ZONE", "Asia/Shanghai"),
            ("STAFF_LOCALE", "zh-CN"),
            ("STAFF_ALERTS_URL", "https://sqs.example.test/staff-alerts"),
        ];
        Vars::from_pairs(usual.into_iter().chain(pairs.iter().copied()))
            .read(Config::read)
            .map_err(|faults| faults.to_string())
    }

    #[test]
    fn a_role_without_an_address_is_stood_in_for() {
        let mailbox = |name: &str| Mailbox::new(&format!("{name}@example.test")).unwrap();
        let (ann, inbox, lead, boss) = (
            mailbox("ann"),
            mailbox("inbox"),
            mailbox("lead"),
            mailbox("boss"),
        );
        let full = Addresses {
            owner: Some(inbox.clone()),
            team_lead: Some(lead.clone()),
            manager: None,
            executive: Some(boss.clone()),
        };
        assert_eq!(full.find(Audience::Owner, Some(&ann)), Some(&ann));
        assert_eq!(full.find(Audience::Owner, None), Some(&inbox));
        assert_eq!(full.find(Audience::Manager, None), Some(&lead));
        assert_eq!(full.find(Audience::Executive, None), Some(&boss));
        let top = Addresses {
            executive: Some(boss.clone()),
            ..Addresses::default()
        };
        assert_eq!(top.find(Audience::Owner, None), Some(&boss));
        assert_eq!(top.find(Audience::Manager, Some(&ann)), Some(&ann));
        assert_eq!(Addresses::default().find(Audience::Executive, None), None);
    }

    #[test]
    fn a_private_receiver_must_be_allowed() {
        let url = ("ALERT_WEBHOOK_URL", "http://127.0.0.1:9/hook");
        assert!(read(&[]).unwrap().receiver.is_none());
        assert!(
            read(&[url, ("WEBHOOK_ALLOW_PRIVATE", "true")])
                .unwrap()
                .receiver
                .is_some()
        );
        assert_eq!(
            read(&[url]).unwrap_err(),
            "ALERT_WEBHOOK_URL: the scheme is not https"
        );
        let metadata = ("ALERT_WEBHOOK_URL", "https://169.254.169.254/latest");
        assert_eq!(
            read(&[metadata, ("WEBHOOK_ALLOW_PRIVATE", "false")]).unwrap_err(),
            "ALERT_WEBHOOK_URL: the address is not public"
        );
    }

    #[test]
    fn alerts_wait_less_than_their_repair() {
        let window = |seconds| read(&[("ALERT_GROUP_SECONDS", seconds)]).map(|c| c.group_window);
        assert_eq!(read(&[]).unwrap().group_window, None);
        assert_eq!(window("0"), Ok(None));
        assert_eq!(window("120"), Ok(Some(SignedDuration::from_mins(2))));
        let reason = "ALERT_GROUP_SECONDS: 0 to 120 are expected";
        assert_eq!(window("121"), Err(reason.to_owned()));
        assert!(i64::from(MOST_SECONDS) < resound_lambda_kit::timing::FIRST_BACK_OFF.as_secs());
    }

    #[test]
    fn every_fault_is_reported_together() {
        let faults = read(&[
            ("STAFF_LOCALE", "fr"),
            ("OWNER_EMAIL", "nobody"),
            ("ALERT_WEBHOOK_SECRET", "s3cret"),
        ]);
        assert_eq!(
            faults.unwrap_err(),
            "STAFF_LOCALE: `zh-CN` or `en` is expected; OWNER_EMAIL: not a mailbox: `me@example.com` or `My Name <me@example.com>` is expected; ALERT_WEBHOOK_SECRET: `whsec_` and 24 to 64 bytes in base64 are expected"
        );
    }
}
