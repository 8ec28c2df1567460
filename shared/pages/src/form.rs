//! The smallest form: two sentences, a score if you like, a contact if you like.

use maud::{Markup, html};
use resound_domain::language::Language;
use resound_domain::locale::Locale;
use resound_domain::submission::{Fault, Faults, Field};

use crate::layout::Page;
use crate::question::Question;
use crate::text::Clean;

/// The fields that our form does not show and takes along unseen.
const CARRIED: [Field; 9] = [
    Field::Csat,
    Field::Ces,
    Field::Touchpoint,
    Field::Product,
    Field::OrderId,
    Field::Page,
    Field::ContactName,
    Field::CustomerId,
    Field::Tier,
];

/// What a form starts with, or what the customer had typed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Values {
    fields: Vec<(Field, String)>,
}

impl Values {
    /// The values among these fields, whichever of a field's names is used. Fields that no form page shows or carries,
    /// empty values and repetitions are left out.
    pub fn from_pairs<N: AsRef<str>, V: Into<String>>(
        pairs: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        let mut values = Self::default();
        for (name, value) in pairs {
            let (Some(field), value) = (Field::from_name(name.as_ref()), value.into()) else {
                continue;
            };
            match field {
                // The page has its own of these, and consent is given anew or not at all.
                Field::Form
                | Field::Locale
                | Field::IdempotencyKey
                | Field::Contact
                | Field::Consent => {}
                _ if value.is_empty() || values.get(field).is_some() => {}
                _ => values.fields.push((field, value)),
            }
        }
        values
    }

    fn get(&self, field: Field) -> Option<&str> {
        self.fields
            .iter()
            .find(|(f, _)| *f == field)
            .map(|(_, value)| value.as_str())
    }
}

/// What a form page shows.
#[derive(Debug, Clone, Copy)]
pub struct FormView<'a> {
    /// The id of the form.
    pub form: &'a str,
    /// The name the company gave it, shown as the heading; `None` shows a general one.
    pub name: Option<&'a str>,
    /// The language of the page.
    pub locale: Locale,
    /// The language in which the customer is to be answered.
    pub answer_in: Language,
    /// The key of this page, which makes sending it twice the same as once. New for every page shown.
    pub idempotency_key: &'a str,
    /// Where the form is sent.
    pub action: &'a str,
    /// What the fields hold.
    pub values: &'a Values,
    /// What was wrong with the last attempt; `None` on a first visit.
    pub faults: Option<&'a Faults>,
}

/// The form, empty or with what the customer typed and what is wrong with it.
pub fn form_page(view: &FormView<'_>) -> String {
    let notice = view.faults.map(|faults| fault_summary(faults, view.locale));
    page(view, notice.as_ref(), notice.is_some())
}

/// The form with what the customer typed, under a new key, because the key it was sent with had sent something else.
pub fn conflict_page(view: &FormView<'_>) -> String {
    let locale = view.locale;
    let notice = html! {
        div.box.note role="alert" tabindex="-1" autofocus {
            h2 { (locale.choose("这个页面已经提交过另一条反馈", "This page has already sent other feedback")) }
            p { (locale.choose(
                "之前那条我们已经收到。下面的内容与它不同，还没有提交；如果也想提交，请再点一次“提交反馈”。",
                "We have the earlier message. What is below differs from it and has not been sent. To send it too, press “Send feedback” once more.",
            )) }
        }
    };
    page(view, Some(&notice), true)
}

fn page(view: &FormView<'_>, notice: Option<&Markup>, answers_a_post: bool) -> String {
    let locale = view.locale;
    let heading = view
        .name
        .unwrap_or(locale.choose("请告诉我们您的想法", "Tell us what you think"));
    let title = if view.faults.is_none() {
        heading.to_owned()
    } else {
        format!("{}{heading}", locale.choose("需要修改：", "Please check: "))
    };
    let other_language = (!answers_a_post).then(|| other_language(view));
    Page {
        locale,
        title: &title,
        other_language: other_language.as_deref(),
        content: html! {
            h1 { bdi { (Clean(heading)) } }
            p { (locale.choose(
                "写一两句就好，不用注册。您的反馈不会丢失；需要答复的，一定会有答复。",
                "Two sentences are enough, and you need no account. Nothing you send gets lost, and what needs an answer gets one.",
            )) }
            @if let Some(notice) = notice { (notice) }
            (fields(view))
        },
    }
    .into_html()
}

/// The same page, with the same values to start from, in the other language.
fn other_language(view: &FormView<'_>) -> String {
    let mut query = form_urlencoded::Serializer::for_suffix("?".to_owned(), 1);
    query.append_pair("lang", view.locale.choose("en", "zh-CN"));
    for (field, value) in &view.values.fields {
        query.append_pair(field.name(), value);
    }
    query.finish()
}

fn fault_summary(faults: &Faults, locale: Locale) -> Markup {
    html! {
        div.box.bad role="alert" tabindex="-1" autofocus {
            h2 { (locale.choose("还没有提交，请先修改以下内容", "Not sent yet: please check the following")) }
            ul {
                @for fault in faults.iter() {
                    li {
                        @match control(fault.field) {
                            Some(id) => a href={ "#" (id) } { (fault.message(locale)) },
                            None => (fault.message(locale)),
                        }
                    }
                }
            }
        }
    }
}

/// The id of the control in which a fault of this field is put right; `None` if the form does not show the field.
const fn control(field: Field) -> Option<&'static str> {
    match field {
        Field::Text => Some("text"),
        Field::Nps => Some("nps-0"),
        Field::Contact | Field::ContactEmail => Some("email"),
        Field::ContactPhone => Some("phone"),
        _ => None,
    }
}

/// The faults of one control of the form.
struct FaultsOf {
    id: &'static str,
    messages: Vec<String>,
}

impl FaultsOf {
    fn new(view: &FormView<'_>, id: &'static str, fields: &[Field]) -> Self {
        let faults = view.faults.into_iter().flat_map(Faults::iter);
        let here = faults.filter(|fault| fields.contains(&fault.field));
        Self {
            id,
            messages: here.map(|fault| fault.message(view.locale)).collect(),
        }
    }

    fn any(&self) -> bool {
        !self.messages.is_empty()
    }

    /// The value of `aria-describedby`: the faults, then the hint.
    fn described_by(&self, hint: Option<&str>) -> Option<String> {
        let fault = self.any().then(|| format!("{}-fault", self.id));
        match (fault, hint) {
            (Some(fault), Some(hint)) => Some(format!("{fault} {hint}")),
            (Some(id), None) => Some(id),
            (None, hint) => hint.map(str::to_owned),
        }
    }

    fn markup(&self) -> Markup {
        html! {
            @if self.any() {
                div id={ (self.id) "-fault" } { @for message in &self.messages { p.fault { (message) } } }
            }
        }
    }

    fn invalid(&self) -> Option<&'static str> {
        self.any().then_some("true")
    }
}

fn fields(view: &FormView<'_>) -> Markup {
    let locale = view.locale;
    let values = view.values;
    let text = FaultsOf::new(view, "text", &[Field::Text]);
    let email = FaultsOf::new(view, "email", &[Field::Contact, Field::ContactEmail]);
    let phone = FaultsOf::new(view, "phone", &[Field::ContactPhone]);
    let optional = html! { " " span.plain { (locale.choose("（选填）", "(optional)")) } };
    html! {
        // No `required` and no `maxlength`: a score alone is welcome, and a browser would cut a long text without a word.
        form method="post" action=(view.action) accept-charset="utf-8" novalidate {
            input type="hidden" name="form" value=(Clean(view.form));
            input type="hidden" name="idempotency_key" value=(Clean(view.idempotency_key));
            input type="hidden" name="locale" value=(view.answer_in.tag());
            (carried(view))

            div.field.wrong[text.any()] {
                label for="text" { (locale.choose("遇到了什么问题，或者有什么建议？", "What happened, or what would you like to see?")) }
                p.hint id="text-hint" { (locale.choose(
                    "最多 10,000 个字符。请不要写密码、银行卡号或证件号码。",
                    "Up to 10,000 characters. Please leave out passwords, card numbers and ID numbers.",
                )) }
                (text.markup())
                // A browser drops the first line break inside a textarea; this one is there to be dropped.
                textarea id="text" name="text" rows="6" dir="auto" aria-describedby=[text.described_by(Some("text-hint"))]
                    aria-invalid=[text.invalid()] { "\n" (Clean(values.get(Field::Text).unwrap_or_default())) }
            }

            (nps(view, &optional))

            fieldset.field {
                legend { (locale.choose("怎样联系您", "How can we reach you?")) (optional) }
                p.hint id="contact-hint" { (locale.choose(
                    "只用来答复这条反馈，不作他用。不留也可以：提交后您会得到一个查询页面，答复会显示在那里。",
                    "We use it to answer this feedback and for nothing else. You may leave it empty: our answer also appears on the status page you get after sending.",
                )) }
                div.pair {
                    div class=[email.any().then_some("wrong")] {
                        label for="email" { (locale.choose("电子邮箱", "Email")) }
                        (email.markup())
                        input id="email" type="email" name="contact.email" value=[values.get(Field::ContactEmail).map(Clean)]
                            autocomplete="email" spellcheck="false" aria-describedby=[email.described_by(Some("contact-hint"))]
                            aria-invalid=[email.invalid()];
                    }
                    div class=[phone.any().then_some("wrong")] {
                        label for="phone" { (locale.choose("电话", "Phone")) }
                        (phone.markup())
                        input id="phone" type="tel" name="contact.phone" value=[values.get(Field::ContactPhone).map(Clean)]
                            autocomplete="tel" aria-describedby=[phone.described_by(Some("contact-hint"))]
                            aria-invalid=[phone.invalid()];
                    }
                }
            }

            div.field {
                p.privacy { (locale.choose(
                    "您填写的内容只用于处理和答复这条反馈，以及统计整体满意度；负责处理的工作人员可以看到。查询页面的链接是私密的，拿到链接的人都能看到处理进度，请自行保管。",
                    "We use what you write only to handle and answer this feedback and to measure satisfaction overall; the people who handle it can read it. The link to your status page is private: whoever has it can follow the progress, so keep it to yourself.",
                )) }
            }

            button type="submit" { (locale.choose("提交反馈", "Send feedback")) }
        }
    }
}

/// What goes along unseen. A value that was found wrong is dropped: nobody could put it right here.
fn carried(view: &FormView<'_>) -> Markup {
    let wrong = |field| {
        view.faults
            .into_iter()
            .flat_map(Faults::iter)
            .any(|fault: Fault| fault.field == field)
    };
    let sound = |field| view.values.get(field).filter(|_| !wrong(field));
    html! {
        input type="hidden" name="channel" value=(Clean(sound(Field::Channel).unwrap_or("web")));
        @for field in CARRIED {
            @if let Some(value) = sound(field) { input type="hidden" name=(field.name()) value=(Clean(value)); }
        }
    }
}

fn nps(view: &FormView<'_>, optional: &Markup) -> Markup {
    let locale = view.locale;
    let faults = FaultsOf::new(view, "nps", &[Field::Nps]);
    let chosen = view.values.get(Field::Nps).map(str::trim);
    html! {
        fieldset.field.wrong[faults.any()] aria-describedby=[faults.described_by(Some(Question::NPS.ends_id))] {
            legend { (Question::NPS.text(locale)) (optional) }
            (faults.markup())
            (Question::NPS.scale(locale, |score| chosen == Some(score.to_string().as_str())))
            // A radio button cannot be taken back, a score can.
            label.choice for="nps-none" {
                input id="nps-none" type="radio" name="nps" value="" checked[chosen.is_none()];
                span { (locale.choose("不打分", "No score")) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::body;
    use resound_domain::form::Forms;
    use resound_domain::submission::{ParseContext, Submission};

    fn view<'a>(locale: Locale, values: &'a Values, faults: Option<&'a Faults>) -> FormView<'a> {
        FormView {
            form: "default",
            name: None,
            locale,
            answer_in: locale.into(),
            idempotency_key: "0123456789abcdefXYZ_-",
            action: "/v1/feedback",
            values,
            faults,
        }
    }

    fn faults_of<N: Into<String>, V: Into<String>>(
        fields: impl IntoIterator<Item = (N, V)>,
    ) -> Faults {
        let context = ParseContext {
            forms: &Forms::default(),
            accept_language: None,
        };
        Submission::parse(&fields.into_iter().collect(), context).unwrap_err()
    }

    #[test]
    fn the_language_of_the_answer_travels_with_the_form() {
        let values = Values::default();
        let html = form_page(&FormView {
            answer_in: Language::ZhTw,
            ..view(Locale::ZhCn, &values, None)
        });
        assert!(html.contains(r#"lang="zh-CN""#));
        assert!(html.contains(r#"name="locale" value="zh-TW""#));
    }

    #[test]
    fn first_visit() {
        let values =
            Values::from_pairs([("product", "kettle & pot"), ("unknown", "x"), ("nps", "")]);
        insta::assert_snapshot!(
            "form_zh",
            body(&form_page(&view(Locale::ZhCn, &values, None)))
        );
        insta::assert_snapshot!(
            "form_en",
            body(&form_page(&view(Locale::En, &values, None)))
        );
    }

    #[test]
    fn faults_keep_what_was_typed() {
        let values = Values::from_pairs([
            ("text", "\nThe kettle\r\nleaks"),
            ("nps", "7"),
            ("email", "not a mailbox"),
            ("tier", "diamond"),
            ("order_id", "A-1"),
        ]);
        let faults = faults_of(
            values
                .fields
                .iter()
                .map(|(field, value)| (field.name(), value)),
        );
        let html = form_page(&view(Locale::En, &values, Some(&faults)));
        insta::assert_snapshot!("form_faults_en", body(&html));
        assert!(
            !html.contains("diamond"),
            "a wrong value nobody can see would be wrong again"
        );
        assert!(
            !html.contains("?lang="),
            "following it would lose what was typed"
        );
    }

    #[test]
    fn conflict_offers_the_text_again() {
        let values = Values::from_pairs([("text", "再说一句")]);
        insta::assert_snapshot!(
            "conflict_zh",
            body(&conflict_page(&view(Locale::ZhCn, &values, None)))
        );
    }

    #[test]
    fn hostile_values_stay_values() {
        let hostile = "</textarea><script>alert(1)</script>\0\"' onfocus=x \u{202e}مرحبا";
        let fields = Field::ALL.map(|field| (field.name(), hostile));
        let values = Values::from_pairs(fields);
        let faults = faults_of(fields);
        for faults in [None, Some(&faults)] {
            let html = form_page(&FormView {
                form: hostile,
                name: Some(hostile),
                idempotency_key: hostile,
                action: hostile,
                ..view(Locale::En, &values, faults)
            });
            assert!(!html.contains("<script"));
            assert_eq!(html.matches("</textarea>").count(), 1);
            assert!(!html.contains("\" onfocus"));
        }
    }
}
