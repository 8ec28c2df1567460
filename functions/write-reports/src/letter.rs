//! The letter about a report.

use jiff::tz::TimeZone;
use resound_domain::locale::Locale;
use resound_domain::report::Names;
use resound_lambda_kit::mail::{Audience, Mail, Mailbox};
use resound_pages::{ReportView, report_letter};
use resound_store::Report;

/// How a reader is written to.
pub(crate) struct Letter {
    pub(crate) locale: Locale,
    pub(crate) zone: TimeZone,
    /// Where staff reach the system, without a slash at the end.
    pub(crate) public_url: String,
}

impl Letter {
    /// The letter. Nobody's holiday note answers it (RFC 3834).
    pub(crate) fn mail(
        &self,
        report: &Report,
        names: &Names,
        from: &Mailbox,
        to: &Mailbox,
    ) -> Mail {
        let (kind, period) = (report.id.kind(), report.id.period());
        let view = ReportView {
            locale: self.locale,
            period,
            survey: report.id.survey().as_str(),
            edition: report.edition,
            as_of: report.as_of,
            zone: &self.zone,
            numbers: &report.numbers,
            names,
        };
        let survey = report.id.survey();
        let (url, lang) = (&self.public_url, self.locale.tag());
        let address =
            format!("{url}/v1/reports/{kind}/{period}?survey={survey}&format=html&lang={lang}");
        let letter = report_letter(&view, &address);
        Mail {
            from: from.clone(),
            to: to.clone(),
            reply_to: None,
            subject: letter.subject,
            text: letter.text,
            html: Some(letter.html),
            headers: vec![("Auto-Submitted".to_owned(), "auto-generated".to_owned())],
            about: report.id.to_string(),
            trace: None,
            audience: Audience::Staff,
            entry: None,
        }
    }
}
