//! How a customer is reached: by the way they came, and by what else they left where that does not work.
//!
//! The order of the routes follows from the channel of the response alone, so two attempts that know different things
//! (an address that was suppressed in between, a medium that was switched on) still ask the ledger in the same order.
//! Whoever walks a [`Plan`] goes on to the next route only when the ledger says that this one surely told nobody; that
//! is what keeps a customer from being told by two media. The status page tells in any case and is no route.

use crate::submission::Channel;

/// A way to tell a customer. Names are persisted as media of the ledger: append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Route {
    /// A letter.
    Email,
    /// The company's own app, mini-program or official account, by its webhook.
    App,
    /// A text message.
    Sms,
    /// Somebody of staff, who calls or visits with a script: the first one where the customer spoke to a person.
    Person,
}

impl Route {
    /// Every route.
    pub const ALL: [Self; 4] = [Self::Email, Self::App, Self::Sms, Self::Person];

    /// The persisted and published name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::App => "app",
            Self::Sms => "sms",
            Self::Person => "person",
        }
    }

    /// Every route in the order in which a customer of this channel is reached.
    pub const fn order(channel: Channel) -> [Self; 4] {
        use Route::{App, Email, Person, Sms};
        match channel {
            Channel::Web | Channel::Email | Channel::Partner => [Email, App, Sms, Person],
            // What they write in is the company's own app or account.
            Channel::App | Channel::Chat | Channel::Social => [App, Email, Sms, Person],
            Channel::Phone => [Person, Sms, Email, App],
            Channel::Store | Channel::Sales => [Person, Email, Sms, App],
        }
    }
}

/// What is known of an address that a customer left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Address {
    /// They left none.
    Missing,
    /// They left something that nothing can be sent to.
    Unusable,
    /// It bounced or complained before: nothing is sent to it.
    Suppressed,
    /// Something can be sent to it.
    Usable,
}

/// What decides how a customer is reached, without a word of theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subject {
    /// Where their feedback came from.
    pub channel: Channel,
    /// Whether they agreed to be contacted; `None` if not asked.
    pub consent: Option<bool>,
    /// Their e-mail address.
    pub email: Address,
    /// Their phone number, as a text message needs it.
    pub phone: Address,
    /// Whether the sender's own id of them is known.
    pub is_known: bool,
}

/// Why a route is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Skip {
    /// The installation does not send by it.
    Off,
    /// The customer left nothing that it needs.
    NoContact,
    /// What the customer left cannot be sent to.
    Unusable,
    /// The address bounced or complained before.
    Suppressed,
    /// It was taken for this very cause and turned out to have told nobody.
    Failed,
}

impl Skip {
    /// Whether the customer left an address in the hope of an answer there. If no other route works, a person looks.
    pub const fn is_failure(self) -> bool {
        match self {
            Self::Unusable | Self::Suppressed | Self::Failed => true,
            Self::Off | Self::NoContact => false,
        }
    }
}

/// A route of a plan: taken, if none before it told the customer, or passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// The route.
    pub route: Route,
    /// Why it is passed over; `None` if it is taken.
    pub skip: Option<Skip>,
}

/// How a customer is told of one cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plan {
    /// They asked not to be contacted.
    NoConsent,
    /// They left nothing to reach them by.
    NoContact,
    /// By the first of these that works, each route once.
    Walk([Step; 4]),
}

/// How a customer is told of something. `means` are the routes that the installation has; `failed` are those that were
/// taken for the same cause and turned out to have told nobody.
///
/// A person is asked where the customer came by phone, store or sales visit and staff can find them again (a number, or
/// an id of theirs), and elsewhere if there is a number; a number is called also if no text message can be sent to it.
pub fn plan(subject: &Subject, means: &[Route], failed: &[Route]) -> Plan {
    if subject.consent == Some(false) {
        return Plan::NoConsent;
    }
    if subject.email == Address::Missing && subject.phone == Address::Missing && !subject.is_known {
        return Plan::NoContact;
    }
    Plan::Walk(Route::order(subject.channel).map(|route| Step {
        route,
        skip: match failed.contains(&route) {
            true => Some(Skip::Failed),
            false => subject.skip(route, means.contains(&route)),
        },
    }))
}

impl Subject {
    const fn skip(&self, route: Route, is_on: bool) -> Option<Skip> {
        let address = match route {
            Route::Email => self.email,
            Route::Sms => self.phone,
            Route::App if self.is_known => Address::Usable,
            Route::App => Address::Missing,
            Route::Person => match self.phone {
                Address::Missing if !(self.is_met() && self.is_known) => Address::Missing,
                _ => Address::Usable,
            },
        };
        match (address, is_on) {
            (Address::Missing, _) => Some(Skip::NoContact),
            (_, false) => Some(Skip::Off),
            (Address::Unusable, true) => Some(Skip::Unusable),
            (Address::Suppressed, true) => Some(Skip::Suppressed),
            (Address::Usable, true) => None,
        }
    }

    /// Whether staff spoke with them when they gave their feedback, and so can again.
    const fn is_met(&self) -> bool {
        matches!(
            self.channel,
            Channel::Phone | Channel::Store | Channel::Sales
        )
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL: &[Route] = &Route::ALL;
    const ONLY_MAIL: &[Route] = &[Route::Email, Route::Person];

    const fn subject(channel: Channel, email: Address, phone: Address, is_known: bool) -> Subject {
        Subject {
            channel,
            consent: None,
            email,
            phone,
            is_known,
        }
    }

    /// A plan in a line: what is taken, and in brackets what is passed over and why.
    fn line(plan: Plan) -> String {
        let steps = match plan {
            Plan::NoConsent => return "no consent".to_owned(),
            Plan::NoContact => return "no contact".to_owned(),
            Plan::Walk(steps) => steps,
        };
        let steps = steps.map(|step| match step.skip {
            None => step.route.name().to_owned(),
            Some(skip) => format!("({}: {skip:?})", step.route.name()),
        });
        steps.join(" > ")
    }

    #[test]
    fn a_customer_is_reached_where_they_came_from() {
        use Address::Usable;
        for (channel, expected) in [
            (Channel::Web, "email > app > sms > person"),
            (Channel::App, "app > email > sms > person"),
            (Channel::Email, "email > app > sms > person"),
            (Channel::Chat, "app > email > sms > person"),
            (Channel::Phone, "person > sms > email > app"),
            (Channel::Social, "app > email > sms > person"),
            (Channel::Store, "person > email > sms > app"),
            (Channel::Sales, "person > email > sms > app"),
            (Channel::Partner, "email > app > sms > person"),
        ] {
            let subject = subject(channel, Usable, Usable, true);
            assert_eq!(line(plan(&subject, ALL, &[])), expected, "{channel:?}");
        }
    }

    #[test]
    fn what_cannot_be_taken_says_why() {
        use Address::{Missing, Suppressed, Unusable, Usable};
        for (subject, means, failed, expected) in [
            (
                subject(Channel::Web, Usable, Missing, false),
                ONLY_MAIL,
                &[][..],
                "email > (app: NoContact) > (sms: NoContact) > (person: NoContact)",
            ),
            (
                subject(Channel::Web, Missing, Usable, false),
                ALL,
                &[],
                "(email: NoContact) > (app: NoContact) > sms > person",
            ),
            (
                subject(Channel::Web, Missing, Unusable, false),
                ALL,
                &[],
                "(email: NoContact) > (app: NoContact) > (sms: Unusable) > person",
            ),
            (
                subject(Channel::Web, Suppressed, Usable, true),
                ONLY_MAIL,
                &[],
                "(email: Suppressed) > (app: Off) > (sms: Off) > person",
            ),
            (
                subject(Channel::App, Usable, Missing, true),
                ALL,
                &[Route::App],
                "(app: Failed) > email > (sms: NoContact) > (person: NoContact)",
            ),
            (
                subject(Channel::Email, Usable, Missing, false),
                &[Route::Person],
                &[],
                "(email: Off) > (app: NoContact) > (sms: NoContact) > (person: NoContact)",
            ),
            // A shop assistant finds a customer of the shop again, and cannot find an address on the net.
            (
                subject(Channel::Store, Missing, Missing, true),
                ALL,
                &[],
                "person > (email: NoContact) > (sms: NoContact) > app",
            ),
            (
                subject(Channel::Store, Usable, Missing, false),
                ALL,
                &[],
                "(person: NoContact) > email > (sms: NoContact) > (app: NoContact)",
            ),
            (
                subject(Channel::Phone, Usable, Usable, false),
                ALL,
                &[Route::Sms],
                "person > (sms: Failed) > email > (app: NoContact)",
            ),
            // Somebody who is known by an id alone is not called.
            (
                subject(Channel::Web, Missing, Missing, true),
                &[Route::Person],
                &[],
                "(email: NoContact) > (app: Off) > (sms: NoContact) > (person: NoContact)",
            ),
        ] {
            assert_eq!(
                line(plan(&subject, means, failed)),
                expected,
                "{subject:?} {failed:?}"
            );
        }
    }

    #[test]
    fn a_wish_comes_before_any_route() {
        let asked = |consent, email| Subject {
            consent,
            ..subject(Channel::Web, email, Address::Missing, false)
        };
        for email in [Address::Usable, Address::Missing] {
            assert_eq!(plan(&asked(Some(false), email), ALL, &[]), Plan::NoConsent);
        }
        assert_eq!(
            plan(&asked(Some(true), Address::Missing), ALL, &[]),
            Plan::NoContact
        );
    }

    fn address() -> impl Strategy<Value = Address> {
        prop::sample::select(vec![
            Address::Missing,
            Address::Unusable,
            Address::Suppressed,
            Address::Usable,
        ])
    }

    proptest! {
        #[test]
        fn what_is_known_changes_what_is_taken_and_never_the_order(
            channel in prop::sample::select(Channel::ALL.to_vec()),
            email in address(),
            phone in address(),
            is_known: bool,
            means in prop::sample::subsequence(Route::ALL.to_vec(), 0..=4),
            failed in prop::sample::subsequence(Route::ALL.to_vec(), 0..=4),
        ) {
            let subject = subject(channel, email, phone, is_known);
            if let Plan::Walk(steps) = plan(&subject, &means, &failed) {
                prop_assert_eq!(steps.map(|step| step.route), Route::order(channel));
                for step in steps {
                    prop_assert!(step.skip.is_some() || !failed.contains(&step.route));
                }
                let mut each = steps.map(|step| step.route);
                each.sort_unstable();
                prop_assert_eq!(each, Route::ALL);
            }
        }
    }
}
