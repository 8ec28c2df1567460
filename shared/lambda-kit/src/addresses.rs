//! Addresses that an operator lists: whom an installation may write as besides its own sender, or to whom it may send what
//! is only tried out.

use std::str::FromStr;

use crate::mail::{InvalidMailbox, Mailbox};

/// Plain addresses, as a parameter of the stack lists them: separated by commas, without names.
///
/// Guarantee: each is one that SES takes as it stands, so what is looked up here can neither add a header nor a
/// recipient, nor be written in another way than the rights of a function have it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Addresses(Vec<Mailbox>);

impl Addresses {
    /// The one that is written exactly like this: the rights compare letter by letter, too.
    pub fn find(&self, address: &str) -> Option<&Mailbox> {
        self.0.iter().find(|listed| listed.address() == address)
    }

    /// As they are written, in their order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(Mailbox::address)
    }
}

impl FromStr for Addresses {
    type Err = InvalidMailbox;

    fn from_str(text: &str) -> Result<Self, InvalidMailbox> {
        let listed = text.split(',').map(Mailbox::new).collect::<Result<_, _>>();
        Ok(Self(listed?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_listed_is_found_as_it_is_written() {
        let listed: Addresses = "care@kettle.example,hello@tea.example".parse().unwrap();
        let found = listed.find("hello@tea.example").map(Mailbox::address);
        assert_eq!(found, Some("hello@tea.example"));
        assert_eq!(listed.iter().count(), 2);
        for other in [
            "",
            "Hello@tea.example",
            "hello@tea.example ",
            "Tea <hello@tea.example>",
            "hello@tea.example,care@kettle.example",
        ] {
            assert_eq!(listed.find(other), None, "{other}");
        }
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_no_list() {
        for text in [
            "",
            "care@kettle.example,",
            "care@kettle.example, hello@tea.example",
            "Care <care@kettle.example>",
            "care@kettle.example\r\nBcc: all@kettle.example",
            "care(the team)@kettle.example",
            "care@kettle.example(shop)",
            "\"care\"@kettle.example",
            "care@茶壶.example",
            "关怀@kettle.example",
            "care@kettle.example@evil.example",
        ] {
            assert_eq!(text.parse::<Addresses>(), Err(InvalidMailbox), "{text}");
        }
    }
}
