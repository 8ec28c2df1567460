//! Addresses that an operator lists: whom an installation may write as besides its own sender, or to whom it may send what
//! is only tried out.

use std::str::FromStr;

use resound_domain::language::Language;
use resound_domain::template::Brand;

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

    /// Who a letter to a customer comes from: the address of the brand, if it is listed, else that of the installation, under
    /// the name of the brand. So a sender that the operator has taken away since the brand was saved loses no letter.
    ///
    /// # Errors
    /// [`InvalidMailbox`] if the name has control characters.
    pub fn sender(
        &self,
        installation: &Mailbox,
        brand: Option<&Brand>,
        language: Language,
    ) -> Result<Mailbox, InvalidMailbox> {
        let Some(brand) = brand else {
            return Ok(installation.clone());
        };
        let own = brand.from.as_deref().and_then(|own| self.find(own));
        let from = own.unwrap_or(installation).clone();
        from.named(brand.name.get(language))
    }

    /// As they are written, in their order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(Mailbox::address)
    }
}

/// Where answers to a letter of a brand go, if not to its sender.
pub fn reply_to(brand: Option<&Brand>) -> Option<Mailbox> {
    brand?.reply_to.as_ref()?.parse().ok()
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
    fn a_letter_comes_from_its_brand_as_far_as_the_operator_lets_it() {
        let installation: Mailbox = "Resound <resound@example.test>".parse().unwrap();
        let listed: Addresses = "care@kettle.example".parse().unwrap();
        let brand = |from: Option<&str>, name: &str| -> Brand {
            let texts = serde_json::json!({"zh-CN": "茶壶", "zh-TW": "茶壺", "en": name});
            let brand = serde_json::json!({"id": "kettle", "name": texts, "from": from, "signature": texts});
            serde_json::from_value(brand).unwrap()
        };
        let sender = |brand: Option<&Brand>| {
            let from = listed.sender(&installation, brand, Language::En);
            from.map(|from| from.to_string())
        };
        let own = brand(Some("care@kettle.example"), "Kettle & Co");
        let gone = brand(Some("hello@kettle.example"), "Kettle & Co");
        let none = brand(None, "Kettle & Co");
        let evil = brand(None, "Kettle\r\nBcc: all@kettle.example");
        for (brand, expected) in [
            (None, Ok("Resound <resound@example.test>")),
            (Some(&own), Ok("Kettle & Co <care@kettle.example>")),
            (Some(&gone), Ok("Kettle & Co <resound@example.test>")),
            (Some(&none), Ok("Kettle & Co <resound@example.test>")),
            (Some(&evil), Err(InvalidMailbox)),
        ] {
            assert_eq!(sender(brand), expected.map(str::to_owned));
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
