//! Forms: where submissions enter, and the survey they count for.

use std::fmt;
use std::str::FromStr;

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::calendar;

/// Why a text is not the name of a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the name of a form: 1 to 40 of a-z, 0-9 and - are expected")]
pub struct InvalidFormId;

/// The name of a form: 1 to 40 of `a-z`, `0-9`, `-`. It is also the name of the survey that the form's
/// responses count for, and safe in a URL path and in a key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct FormId(String);

impl FormId {
    /// The name of the form that always exists.
    pub const DEFAULT: &'static str = "default";

    /// The form that always exists: submissions that name no form belong to it.
    pub fn default_form() -> Self {
        Self(Self::DEFAULT.to_owned())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FormId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for FormId {
    type Err = InvalidFormId;

    fn from_str(text: &str) -> Result<Self, InvalidFormId> {
        Self::try_from(text.to_owned())
    }
}

impl TryFrom<String> for FormId {
    type Error = InvalidFormId;

    fn try_from(text: String) -> Result<Self, InvalidFormId> {
        let fits = (1..=40).contains(&text.len())
            && text
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        fits.then_some(Self(text)).ok_or(InvalidFormId)
    }
}

impl From<FormId> for String {
    fn from(id: FormId) -> Self {
        id.0
    }
}

/// What a form is called on its page, in both languages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Title {
    /// In Simplified Chinese.
    pub zh_cn: String,
    /// In English.
    pub en: String,
}

/// A form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Form {
    /// Its name.
    pub id: FormId,
    /// The web origins (`https://shop.example`) whose pages may post to it across origins; `*` means any.
    #[serde(default)]
    pub allowed_origins: Vec<String>,
    /// The IANA zone whose local days its responses count for; `None` for the zone of the deployment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// What its page is called; `None` for the ordinary words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<Title>,
}

impl Form {
    /// A form with this name and nothing set.
    pub const fn new(id: FormId) -> Self {
        Self {
            id,
            allowed_origins: Vec::new(),
            zone: None,
            title: None,
        }
    }

    /// Whose local days its responses count for; `None` for those of the deployment, also where the name is unknown here.
    pub fn time_zone(&self) -> Option<TimeZone> {
        self.zone.as_deref().and_then(calendar::zone)
    }

    /// Whether a page of this origin may post to the form. Schemes and hosts have no case.
    pub fn allows(&self, origin: &str) -> bool {
        self.allowed_origins
            .iter()
            .any(|allowed| allowed == "*" || allowed.eq_ignore_ascii_case(origin))
    }
}

/// Two forms of one name in a document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("form \"{0}\" appears twice")]
pub struct RepeatedForm(FormId);

/// The forms a company has: a configuration document. The default form is always among them, listed or not, and
/// no two share a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "FormsDocument")]
pub struct Forms {
    forms: Vec<Form>,
}

/// The document as written.
#[derive(Deserialize)]
struct FormsDocument {
    forms: Vec<Form>,
}

impl TryFrom<FormsDocument> for Forms {
    type Error = RepeatedForm;

    fn try_from(document: FormsDocument) -> Result<Self, RepeatedForm> {
        Self::new(document.forms)
    }
}

impl Forms {
    /// These forms, and the default form if it is not among them.
    ///
    /// # Errors
    /// [`RepeatedForm`] if two share a name.
    pub fn new(forms: Vec<Form>) -> Result<Self, RepeatedForm> {
        let mut kept = Self {
            forms: Vec::with_capacity(forms.len() + 1),
        };
        for form in forms {
            if kept.get(&form.id).is_some() {
                return Err(RepeatedForm(form.id));
            }
            kept.forms.push(form);
        }
        let default = FormId::default_form();
        if kept.get(&default).is_none() {
            kept.forms.push(Form::new(default));
        }
        Ok(kept)
    }

    /// Lets pages of these origins post to the default form, unless the document names origins of its own for it.
    #[must_use]
    pub fn with_default_origins(mut self, origins: &[String]) -> Self {
        let default = self
            .forms
            .iter_mut()
            .find(|form| form.id.as_str() == FormId::DEFAULT);
        if let Some(form) = default.filter(|form| form.allowed_origins.is_empty()) {
            form.allowed_origins = origins.to_vec();
        }
        self
    }

    /// The form of this name.
    pub fn get(&self, id: &FormId) -> Option<&Form> {
        self.forms.iter().find(|form| form.id == *id)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Form> {
        self.forms.iter()
    }
}

impl Default for Forms {
    /// What there is until a company configures its own: the default form alone.
    fn default() -> Self {
        Self {
            forms: vec![Form::new(FormId::default_form())],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_and_safe_in_paths_and_keys() {
        for good in ["default", "a", "spring-sale-2026", &"x".repeat(40)] {
            assert_eq!(
                good.parse::<FormId>().map(String::from).as_deref(),
                Ok(good)
            );
        }
        for bad in ["", "A", "a b", "a#b", "a/b", "表单", "a\n", &"x".repeat(41)] {
            assert_eq!(bad.parse::<FormId>(), Err(InvalidFormId), "{bad:?}");
        }
        assert!(serde_json::from_str::<FormId>(r#""a#b""#).is_err());
    }

    #[test]
    fn the_default_form_is_always_there() {
        for document in [
            r#"{"forms":[]}"#,
            r#"{"forms":[{"id":"default"}]}"#,
            r#"{"forms":[{"id":"shop"}]}"#,
        ] {
            let forms: Forms = serde_json::from_str(document).unwrap();
            assert!(forms.get(&FormId::default_form()).is_some(), "{document}");
        }
        assert_eq!(Forms::new(vec![]).unwrap(), Forms::default());
    }

    #[test]
    fn the_default_form_has_origins_of_its_own_or_those_of_the_deployment() {
        let origins = ["https://shop.example".to_owned()];
        for (document, allowed) in [
            (r#"{"forms":[]}"#, "https://shop.example"),
            (
                r#"{"forms":[{"id":"default","zone":"Asia/Tokyo"}]}"#,
                "https://shop.example",
            ),
            (
                r#"{"forms":[{"id":"default","allowed_origins":["https://own.example"]}]}"#,
                "https://own.example",
            ),
        ] {
            let forms: Forms = serde_json::from_str(document).unwrap();
            let forms = forms.with_default_origins(&origins);
            let form = forms.get(&FormId::default_form()).unwrap();
            assert_eq!(form.allowed_origins, [allowed], "{document}");
        }
        let shop = r#"{"forms":[{"id":"shop"}]}"#;
        let forms: Forms = serde_json::from_str(shop).unwrap();
        let forms = forms.with_default_origins(&origins);
        let shop = forms.get(&"shop".parse().unwrap()).unwrap();
        assert!(shop.allowed_origins.is_empty());
    }

    #[test]
    fn a_document_reads_back_as_written() {
        let text = r#"{"forms":[{"id":"shop","allowed_origins":["https://shop.example"],"zone":"Europe/Berlin","title":{"zh_cn":"店","en":"Shop"}},{"id":"default","allowed_origins":[]}]}"#;
        let forms: Forms = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&forms).unwrap(), text);
        let shop = forms.get(&"shop".parse().unwrap()).unwrap();
        assert!(shop.allows("HTTPS://shop.example"));
        assert!(!shop.allows("https://shop.example.evil"));
    }

    #[test]
    fn a_name_used_twice_is_refused() {
        let error =
            serde_json::from_str::<Forms>(r#"{"forms":[{"id":"a"},{"id":"a"}]}"#).unwrap_err();
        assert!(error.to_string().contains("\"a\" appears twice"), "{error}");
    }
}
