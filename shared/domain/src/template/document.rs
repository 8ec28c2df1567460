//! What a company wants its customers to be written: a document that it publishes.
//!
//! ```json
//! {"wording": {"resolved": {
//!    "zh-CN": {"subject": "您的反馈已处理 [{{reference}}]", "opening": "您 {{day}} 反馈的问题已经处理完毕："},
//!    "zh-TW": {"subject": "您反映的問題已處理 [{{reference}}]", "opening": "您 {{day}} 反映的問題已經處理完畢："},
//!    "en": {"subject": "Fixed: your feedback [{{reference}}]", "opening": "What you told us on {{day}} has been fixed:", "closing": "Thank you for helping us."}}},
//!  "sms": {"resolved": {
//!    "zh-CN": "您的反馈 {{reference}} 已处理：{{link}}",
//!    "zh-TW": "您的意見 {{reference}} 已處理：{{link}}",
//!    "en": "Fixed: your feedback {{reference}}. {{link}}"}},
//!  "brands": [
//!    {"id": "kettle", "name": {"zh-CN": "茶壶", "zh-TW": "茶壺", "en": "Kettle"}, "products": ["K-200"], "forms": ["kettle-shop"],
//!     "reply_to": "care@kettle.example", "signature": {"zh-CN": "茶壶客服", "zh-TW": "茶壺客服", "en": "Your Kettle team"}}]}
//! ```
//!
//! What is left out is as [built in](Wording::built_in). An occasion that is there has all languages, so nobody finds out
//! at the first letter that one was forgotten.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{InvalidTemplate, Occasion, Template, Variable, Wording, short};
use crate::form::FormId;
use crate::language::Language;
use crate::policy::check::{self, At, Check};
use crate::policy::{Code, Faults};
use crate::submission::{Submission, is_blank};

/// The longest subject, in characters of the template: with its reference it stays below what mail programs show.
const SUBJECT_LIMIT: usize = 150;
/// The longest opening, closing and signature, in characters.
const PROSE_LIMIT: usize = 1_000;
/// The longest name of a brand or a product, in characters: as a submission may name a product.
const NAME_LIMIT: usize = 100;
/// The most brands.
const MOST_BRANDS: usize = 20;
/// The most products, and the most forms, of a brand.
const MOST_OF_BRAND: usize = 50;

/// The same in every language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Translated<T> {
    #[serde(rename = "zh-CN")]
    zh_cn: T,
    #[serde(rename = "zh-TW")]
    zh_tw: T,
    en: T,
}

impl<T> Translated<T> {
    /// What it is in a language.
    pub const fn get(&self, language: Language) -> &T {
        match language {
            Language::ZhCn => &self.zh_cn,
            Language::ZhTw => &self.zh_tw,
            Language::En => &self.en,
        }
    }
}

/// The wording of a company, and the brands it writes as. Names are persisted: append only.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Templates {
    wording: BTreeMap<Occasion, Translated<Wording>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    sms: BTreeMap<Occasion, Translated<Template>>,
    brands: Vec<Brand>,
}

/// What templates are judged by that is not in them.
#[derive(Debug, Clone)]
pub struct Installation {
    /// Tells what can be written to.
    pub is_mailbox: fn(&str) -> bool,
    /// The addresses that brands may write from.
    pub senders: Vec<String>,
    /// A link to a status page that is as long as any.
    pub link: String,
}

/// A brand: who writes to the customers of some products and forms. Names are persisted: append only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Brand {
    /// What it is called in requests: 1 to 40 of `a-z`, `0-9`, `-`.
    pub id: String,
    /// What customers call it.
    pub name: Translated<String>,
    /// The products it is for, by their names in submissions.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub products: BTreeSet<String>,
    /// The forms it is for.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub forms: BTreeSet<FormId>,
    /// The address that its letters come from, under its name: one of [`Installation::senders`]. `None` for that of the
    /// installation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The mailbox that answers to its letters go to, as `me@example.com` or `My Name <me@example.com>`; `None` for the one
    /// they come from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<String>,
    /// What stands under its letters.
    pub signature: Translated<String>,
}

impl Brand {
    /// Whether it is for everything that no brand before it is for.
    fn is_for_all(&self) -> bool {
        self.products.is_empty() && self.forms.is_empty()
    }
}

impl Templates {
    /// Reads templates that somebody wrote.
    ///
    /// # Errors
    /// [`Faults`]: everything that is wrong, at once.
    pub fn read(document: &Value, installation: &Installation) -> Result<Self, Faults> {
        let mut check = Check::new(installation);
        check.templates(document);
        check.done()?;
        check::read(document.clone())
    }

    /// What is said on an occasion in a language.
    pub fn wording(&self, occasion: Occasion, language: Language) -> Cow<'_, Wording> {
        match self.wording.get(&occasion) {
            Some(published) => Cow::Borrowed(published.get(language)),
            None => Cow::Owned(Wording::built_in(occasion, language)),
        }
    }

    /// What a text message says on an occasion in a language.
    pub fn sms(&self, occasion: Occasion, language: Language) -> Cow<'_, Template> {
        match self.sms.get(&occasion) {
            Some(published) => Cow::Borrowed(published.get(language)),
            None => Cow::Owned(short::built_in(occasion, language)),
        }
    }

    /// The brand of a submission: the first that names its product or its form, or that names neither.
    pub fn brand_of(&self, submission: &Submission) -> Option<&Brand> {
        self.brands.iter().find(|brand| {
            let product = submission.product.as_ref();
            brand.is_for_all()
                || brand.forms.contains(&submission.form)
                || product.is_some_and(|product| brand.products.contains(product))
        })
    }

    /// The brand of this id.
    pub fn brand(&self, id: &str) -> Option<&Brand> {
        self.brands.iter().find(|brand| brand.id == id)
    }

    /// The brand of feedback that names nothing which any brand is for.
    pub fn brand_for_all(&self) -> Option<&Brand> {
        self.brands.iter().find(|brand| brand.is_for_all())
    }
}

impl Check<&Installation> {
    fn templates(&mut self, document: &Value) {
        let Some(members) = self.object("", document, &["wording", "sms", "brands"]) else {
            return;
        };
        let brands = members.get("brands").and_then(Value::as_array);
        let is_for_all = |brand: &Value| {
            let none = |name| match brand.get(name) {
                None => true,
                Some(names) => names.as_array().is_some_and(Vec::is_empty),
            };
            none("products") && none("forms")
        };
        let has_brand = brands.is_some_and(|brands| brands.iter().any(is_for_all));
        self.member("", members, "wording", false, |check, at, value| {
            check.occasions(at, value, |check, _, at, value| {
                check.wording(at, value, has_brand);
            });
        });
        self.member("", members, "sms", false, |check, at, value| {
            check.occasions(at, value, |check, language, at, value| {
                let name = |brand: &'_ Value| {
                    Some(brand.get("name")?.get(language.tag())?.as_str()?.to_owned())
                };
                let names: Vec<String> = brands.into_iter().flatten().filter_map(name).collect();
                check.sms(at, value, language, has_brand.then_some(&names));
            });
        });
        self.member("", members, "brands", false, Self::brands);
    }

    /// A value for some occasions, in every language.
    fn occasions(
        &mut self,
        at: &str,
        value: &Value,
        mut check: impl FnMut(&mut Self, Language, &str, &Value),
    ) {
        let occasions = Occasion::ALL.map(Occasion::name);
        let Some(members) = self.object(at, value, &occasions) else {
            return;
        };
        for occasion in occasions {
            self.member(at, members, occasion, false, |this, at, value| {
                this.translated(at, value, &mut check);
            });
        }
    }

    /// A value in every language.
    fn translated(
        &mut self,
        at: &str,
        value: &Value,
        mut check: impl FnMut(&mut Self, Language, &str, &Value),
    ) {
        let tags = Language::ALL.map(Language::tag);
        let Some(members) = self.object(at, value, &tags) else {
            return;
        };
        for language in Language::ALL {
            self.member(at, members, language.tag(), true, |this, at, value| {
                check(this, language, at, value);
            });
        }
    }

    fn wording(&mut self, at: &str, value: &Value, has_brand: bool) {
        let Some(members) = self.object(at, value, &["subject", "opening", "closing"]) else {
            return;
        };
        self.member(at, members, "subject", true, |check, at, value| {
            let Some(text) = check.text(at, value, SUBJECT_LIMIT) else {
                return;
            };
            let template = check.template(at, text, &Variable::OF_LETTERS, has_brand);
            if let Some(template) = template {
                check.names(at, &template, Variable::Reference);
            }
        });
        for (name, required) in [("opening", true), ("closing", false)] {
            self.member(at, members, name, required, |check, at, value| {
                if let Some(text) = check.prose(at, value) {
                    check.template(at, text, &Variable::OF_LETTERS, has_brand);
                }
            });
        }
    }

    /// What a text message says. `brands` are the names of the brands in its language, if all feedback is of one.
    fn sms(&mut self, at: &str, value: &Value, language: Language, brands: Option<&Vec<String>>) {
        let Some(text) = self.prose(at, value) else {
            return;
        };
        let template = self.template(at, text, &Variable::ALL, brands.is_some());
        let Some(template) = template else {
            return;
        };
        self.names(at, &template, Variable::Reference);
        self.names(at, &template, Variable::Link);
        if !short::is_link_apart(&template) {
            self.fault(at, Code::LinkNotApart);
        }
        let brands: Vec<&str> = brands.into_iter().flatten().map(String::as_str).collect();
        let longest = short::longest(&template, &brands, &self.beside.link, language);
        if let Some(size) = longest.filter(|size| size.parts > short::MOST_PARTS) {
            let (parts, most) = (size.parts, short::MOST_PARTS);
            self.fault(at, Code::Parts { parts, most });
        }
    }

    /// Whether a template has a variable that it must have.
    fn names(&mut self, at: &str, template: &Template, variable: Variable) {
        if !template.has(variable) {
            let name = variable.name();
            self.fault(at, Code::MissingVariable { name });
        }
    }

    /// A template with these variables and no others.
    fn template(
        &mut self,
        at: &str,
        text: &str,
        variables: &[Variable],
        has_brand: bool,
    ) -> Option<Template> {
        let is_known = |template: &Template| {
            let unknown = |variable: &Variable| !variables.contains(variable);
            !Variable::ALL
                .into_iter()
                .any(|v| unknown(&v) && template.has(v))
        };
        let code = match Template::parse(text) {
            Err(InvalidTemplate::Braces) => Code::Braces,
            Ok(template) if is_known(&template) => {
                if has_brand || !template.has(Variable::Brand) {
                    return Some(template);
                }
                Code::NotEveryBrand
            }
            Ok(_) | Err(InvalidTemplate::UnknownVariable) => {
                let choices = variables
                    .iter()
                    .map(|variable| format!("{{{{{}}}}}", variable.name()));
                let choices = choices.collect::<Vec<_>>().join(", ");
                Code::UnknownVariable { choices }
            }
        };
        self.fault(at, code);
        None
    }

    /// A text of several lines.
    fn prose<'v>(&mut self, at: &str, value: &'v Value) -> Option<&'v str> {
        let text = value.as_str().filter(|text| {
            !is_blank(text)
                && text.chars().all(|c| c == '\n' || !c.is_control())
                && text.chars().nth(PROSE_LIMIT).is_none()
        });
        if text.is_none() {
            self.fault(at, Code::Prose { limit: PROSE_LIMIT });
        }
        text
    }

    fn brands(&mut self, at: &str, value: &Value) {
        let brands = self.list(at, value);
        if brands.len() > MOST_BRANDS {
            self.fault(at, Code::TooMany { most: MOST_BRANDS });
        }
        let mut ids = BTreeSet::new();
        for (n, brand) in brands.iter().take(MOST_BRANDS).enumerate() {
            let at = At(at).member(&n.to_string());
            let known = [
                "id",
                "name",
                "products",
                "forms",
                "from",
                "reply_to",
                "signature",
            ];
            let Some(brand) = self.object(&at, brand, &known) else {
                continue;
            };
            self.member(&at, brand, "id", true, |check, at, value| {
                match value.as_str().filter(|id| is_slug(id)) {
                    None => check.fault(at, Code::Slug),
                    Some(id) if !ids.insert(id.to_owned()) => check.fault(at, Code::SameBrand),
                    Some(_) => {}
                }
            });
            self.brand(&at, brand);
        }
    }

    fn brand(&mut self, at: &str, brand: &Map<String, Value>) {
        self.member(at, brand, "name", true, |check, at, value| {
            check.translated(at, value, |check, _, at, value| {
                check.text(at, value, NAME_LIMIT);
            });
        });
        self.member(at, brand, "products", false, |check, at, value| {
            check.few(at, value, |check, at, value| {
                check.text(at, value, NAME_LIMIT);
            });
        });
        self.member(at, brand, "forms", false, |check, at, value| {
            check.few(at, value, |check, at, value| {
                if !value.as_str().is_some_and(is_slug) {
                    check.fault(at, Code::Slug);
                }
            });
        });
        self.member(at, brand, "from", false, |check, at, value| {
            let senders = &check.beside.senders;
            // Letter by letter: so it is nothing but what the operator wrote.
            if !senders.iter().any(|sender| value.as_str() == Some(sender)) {
                let choices = senders.join(", ");
                check.fault(at, Code::Sender { choices });
            }
        });
        self.member(at, brand, "reply_to", false, |check, at, value| {
            if !value.as_str().is_some_and(check.beside.is_mailbox) {
                check.fault(at, Code::Mailbox);
            }
        });
        self.member(at, brand, "signature", true, |check, at, value| {
            check.translated(at, value, |check, _, at, value| {
                check.prose(at, value);
            });
        });
    }

    /// Each of a list that is not too long.
    fn few(&mut self, at: &str, value: &Value, mut check: impl FnMut(&mut Self, &str, &Value)) {
        let list = self.list(at, value);
        if list.len() > MOST_OF_BRAND {
            let most = MOST_OF_BRAND;
            return self.fault(at, Code::TooMany { most });
        }
        for (n, value) in list.iter().enumerate() {
            check(self, &At(at).member(&n.to_string()), value);
        }
    }
}

/// What the name of a form may be as well.
fn is_slug(text: &str) -> bool {
    text.parse::<FormId>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::locale::Locale;
    use serde_json::json;

    fn installation() -> Installation {
        Installation {
            is_mailbox: |text| text.contains('@') && !text.contains(['\r', '\n']),
            senders: vec![
                "care@kettle.example".to_owned(),
                "care@acme.example".to_owned(),
            ],
            link: format!("https://example.test/{}", "x".repeat(60)),
        }
    }

    fn faults(document: &Value) -> Vec<(String, &'static str)> {
        let Err(faults) = Templates::read(document, &installation()) else {
            return Vec::new();
        };
        for fault in faults.iter() {
            for locale in [Locale::ZhCn, Locale::En] {
                assert!(fault.message(locale).ends_with(['。', '.']), "{fault:?}");
            }
        }
        let faults = faults.iter().map(|f| (f.at.clone(), f.code.name()));
        faults.collect()
    }

    fn list(faults: &[(&str, &'static str)]) -> Vec<(String, &'static str)> {
        let owned = faults.iter().map(|&(at, code)| (at.to_owned(), code));
        owned.collect()
    }

    fn each(text: &str) -> Value {
        json!({"zh-CN": text, "zh-TW": text, "en": text})
    }

    fn whole() -> Value {
        let wording = json!({"subject": "Fixed: {{brand}} [{{reference}}]", "opening": "Of {{day}}:\nfixed", "closing": "Bye"});
        json!({
            "wording": {"resolved": {"zh-CN": wording, "zh-TW": wording, "en": wording}},
            "sms": {"resolved": each("{{brand}} {{reference}} {{link}}")},
            "brands": [
                {"id": "kettle", "name": each("Kettle"), "products": ["K-200"], "forms": ["kettle-shop"],
                 "from": "care@kettle.example", "reply_to": "Kettle <care@kettle.example>", "signature": each("Kettle\nteam")},
                {"id": "acme", "name": each("Acme"), "signature": each("Acme")},
            ],
        })
    }

    fn with(pointer: &str, value: Value) -> Value {
        let mut document = whole();
        *document.pointer_mut(pointer).unwrap() = value;
        document
    }

    fn submission(form: &str, product: Option<&str>) -> Submission {
        serde_json::from_value(json!({
            "form": form, "product": product, "channel": "web", "locale": "en",
        }))
        .unwrap()
    }

    #[test]
    fn what_is_published_is_kept_as_it_is() {
        for document in [json!({}), json!({"wording": {}, "brands": []})] {
            assert_eq!(
                Templates::read(&document, &installation()),
                Ok(Templates::default())
            );
        }
        let templates = Templates::read(&whole(), &installation()).unwrap();
        assert_eq!(json!(templates), whole());
        let kept: Templates = serde_json::from_value(whole()).unwrap();
        assert_eq!(kept, templates);
        let resolved = templates.wording(Occasion::Resolved, Language::ZhTw);
        assert_eq!(
            resolved.closing.as_ref().map(ToString::to_string),
            Some("Bye".to_owned())
        );
        let reply = templates.wording(Occasion::Reply, Language::ZhTw);
        assert_eq!(*reply, Wording::built_in(Occasion::Reply, Language::ZhTw));
        let sms = |occasion| templates.sms(occasion, Language::ZhTw).to_string();
        assert_eq!(sms(Occasion::Resolved), "{{brand}} {{reference}} {{link}}");
        assert_eq!(
            sms(Occasion::Reply),
            "我們回覆了您的意見 {{reference}}：{{link}}"
        );
        // What an earlier version kept has none.
        let earlier: Templates = serde_json::from_str(r#"{"wording":{},"brands":[]}"#).unwrap();
        assert_eq!(earlier, Templates::default());
    }

    #[test]
    fn a_text_message_that_could_become_too_long_is_refused() {
        // 81 of the link, 13 of the reference, and two blanks leave 516 of four parts of 153.
        let text = |filling: &str| format!("{filling} {{{{reference}}}} {{{{link}}}}");
        let at = "/sms/resolved/zh-TW";
        for (text, expected) in [
            (text(&"a".repeat(4 * 153 - 96)), None),
            (text(&"a".repeat(4 * 153 - 95)), Some("too-many-parts")),
            (text(&"好".repeat(4 * 67 - 96)), None),
            (text(&"好".repeat(4 * 67 - 95)), Some("too-many-parts")),
            // With the longest of the brands, in this language.
            (
                text(&format!("{{{{brand}}}}{}", "a".repeat(4 * 153 - 96 - 6))),
                None,
            ),
            (
                text(&format!("{{{{brand}}}}{}", "a".repeat(4 * 153 - 96 - 5))),
                Some("too-many-parts"),
            ),
            ("{{reference}}".to_owned(), Some("missing-variable")),
            ("{{link}}".to_owned(), Some("missing-variable")),
            ("{{reference}} {{link}}.".to_owned(), Some("link-not-apart")),
            (text("{{words}}"), Some("unknown-variable")),
            (text("{{day"), Some("malformed-variable")),
            (" ".to_owned(), Some("invalid-prose")),
            (text("\r"), Some("invalid-prose")),
        ] {
            let expected: Vec<_> = expected.map(|code| (at, code)).into_iter().collect();
            let found = faults(&with(at, json!(text)));
            assert_eq!(found, list(&expected), "{text:?}");
        }
        let mut longer = with(
            at,
            json!(text(&format!(
                "{{{{brand}}}}{}",
                "a".repeat(4 * 153 - 96 - 6)
            ))),
        );
        longer["brands"][1]["name"]["en"] = "Kettle Two".into();
        assert_eq!(faults(&longer), Vec::new());
        longer["brands"][1]["name"]["zh-TW"] = "Kettle Two".into();
        assert_eq!(faults(&longer), list(&[(at, "too-many-parts")]));
    }

    #[test]
    fn a_letter_has_a_place_for_its_link() {
        let at = "/wording/resolved/en/opening";
        assert_eq!(
            faults(&with(at, json!("{{link}}"))),
            list(&[(at, "unknown-variable")])
        );
    }

    #[test]
    fn a_brand_is_found_by_product_or_form_in_order() {
        let templates = Templates::read(&whole(), &installation()).unwrap();
        for (form, product, brand) in [
            ("default", Some("K-200"), "kettle"),
            ("kettle-shop", None, "kettle"),
            ("default", Some("k-200"), "acme"),
            ("default", None, "acme"),
        ] {
            let found = templates.brand_of(&submission(form, product));
            assert_eq!(found.map(|brand| brand.id.as_str()), Some(brand));
        }
        assert_eq!(templates.brand_for_all(), templates.brand("acme"));
        let mut one = whole();
        one["brands"].as_array_mut().unwrap().pop();
        one["wording"] = json!({});
        one["sms"] = json!({});
        let templates = Templates::read(&one, &installation()).unwrap();
        assert_eq!(templates.brand_of(&submission("default", None)), None);
    }

    #[test]
    fn a_variable_that_is_missing_unknown_or_malformed_is_refused() {
        let subject = "/wording/resolved/zh-TW/subject";
        for (pointer, text, code) in [
            (subject, "Fixed", "missing-variable"),
            (subject, "{{day}}", "missing-variable"),
            (subject, "[{{reference}}] {{name}}", "unknown-variable"),
            (subject, "[{{reference}]", "malformed-variable"),
            (
                subject,
                "[{{reference}}]\r\nBcc: a@b.example",
                "invalid-text",
            ),
            (subject, "[{{reference}}]\u{2028}x", "invalid-text"),
            (subject, "[{{reference}}]\u{7f}", "invalid-text"),
            (subject, "", "invalid-text"),
            ("/wording/resolved/en/opening", " \n ", "invalid-prose"),
            ("/wording/resolved/en/opening", "\u{200b}", "invalid-prose"),
            ("/wording/resolved/en/opening", "a\r\nb", "invalid-prose"),
            (
                "/wording/resolved/en/closing",
                "{{words}}",
                "unknown-variable",
            ),
            ("/wording/resolved/en/closing", "}}", "malformed-variable"),
        ] {
            let found = faults(&with(pointer, json!(text)));
            assert_eq!(found, list(&[(pointer, code)]), "{text:?}");
        }
        let long = "x".repeat(PROSE_LIMIT + 1);
        let pointer = "/brands/0/signature/zh-CN";
        let found = faults(&with(pointer, json!(long)));
        assert_eq!(found, list(&[(pointer, "invalid-prose")]));
        let pointer = "/brands/0/name/en";
        let found = faults(&with(pointer, json!("Li\r\nBcc: a@b.example")));
        assert_eq!(found, list(&[(pointer, "invalid-text")]));
    }

    #[test]
    fn every_language_is_there_and_nothing_unknown() {
        let mut document = whole();
        let resolved = document.pointer_mut("/wording/resolved").unwrap();
        resolved.as_object_mut().unwrap().remove("zh-TW");
        resolved["en"] = json!({"body": "x"});
        document["wording"]["shipped"] = json!({});
        document["brands"][1]["name"] = json!({"ja": "x"});
        assert_eq!(
            faults(&document),
            list(&[
                ("/wording/shipped", "unknown-field"),
                ("/wording/resolved/zh-TW", "required"),
                ("/wording/resolved/en/body", "unknown-field"),
                ("/wording/resolved/en/subject", "required"),
                ("/wording/resolved/en/opening", "required"),
                ("/brands/1/name/ja", "unknown-field"),
                ("/brands/1/name/zh-CN", "required"),
                ("/brands/1/name/zh-TW", "required"),
                ("/brands/1/name/en", "required"),
            ])
        );
        for broken in [json!(null), json!([]), json!({"wording": [], "brands": {}})] {
            assert!(!faults(&broken).is_empty(), "{broken}");
        }
    }

    #[test]
    fn brands_are_told_apart_and_can_send() {
        for (pointer, value, expected) in [
            ("/brands/1/id", json!("kettle"), "repeated"),
            ("/brands/0/id", json!("A b"), "invalid-id"),
            ("/brands/0/forms/0", json!("No Form"), "invalid-id"),
            ("/brands/0/products/0", json!(7), "invalid-text"),
            (
                "/brands/0/reply_to",
                json!("a@b\r\nBcc: c@d"),
                "invalid-mailbox",
            ),
            ("/brands/0/reply_to", json!("nobody"), "invalid-mailbox"),
            ("/brands/0/from", json!("me@evil.example"), "not-a-sender"),
            (
                "/brands/0/from",
                json!("Care@kettle.example"),
                "not-a-sender",
            ),
            (
                "/brands/0/from",
                json!("care@kettle.example\r\nBcc: c@d"),
                "not-a-sender",
            ),
            (
                "/brands/0/from",
                json!("care@kettle.example, care@acme.example"),
                "not-a-sender",
            ),
            (
                "/brands/0/from",
                json!("Kettle <care@kettle.example>"),
                "not-a-sender",
            ),
            (
                "/brands/0/from",
                json!("care(x)@kettle.example"),
                "not-a-sender",
            ),
            (
                "/brands/0/from",
                json!("care@kеttle.example"),
                "not-a-sender",
            ),
            (
                "/brands/0/from",
                json!(["care@kettle.example"]),
                "not-a-sender",
            ),
            ("/brands/0/products", json!(vec!["x"; 51]), "too-many"),
        ] {
            let found = faults(&with(pointer, value));
            assert_eq!(found, list(&[(pointer, expected)]));
        }
        let many = vec![whole()["brands"][0].clone(); MOST_BRANDS + 1];
        let found = faults(&json!({"brands": many}));
        assert_eq!(found.first(), list(&[("/brands", "too-many")]).first());
    }

    #[test]
    fn a_name_of_the_brand_needs_a_brand_for_everybody() {
        let mut document = whole();
        document["brands"][1]["products"] = json!([]);
        let found = faults(&document);
        assert_eq!(found, Vec::new(), "an empty list names nothing");
        document["brands"][1]["products"] = json!(["x"]);
        let pointers = Language::ALL.map(|l| format!("/wording/resolved/{}/subject", l.tag()));
        let sms = Language::ALL.map(|l| format!("/sms/resolved/{}", l.tag()));
        let expected: Vec<_> = pointers.iter().chain(&sms).collect();
        let expected: Vec<_> = expected
            .iter()
            .map(|at| (at.as_str(), "not-every-brand"))
            .collect();
        assert_eq!(faults(&document), list(&expected));
    }
}
