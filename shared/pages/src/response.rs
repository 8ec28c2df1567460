//! Pages as answers to requests.

use resound_domain::language::Language;
use resound_lambda_kit::http::{HttpRequest, HttpResponse};
use resound_lambda_kit::problem::Problem;

use crate::{HEADERS, ProblemView, problem_page};

/// A page with the headers every page has.
pub fn page(status: u16, html: String) -> HttpResponse {
    HttpResponse::html(status, html).headers(&HEADERS)
}

/// Sends a browser to a customer's own page after what it posted, in the language it had; `path` is without a host, so that it
/// stays with the name and the base path it reached us by. `fragment` is empty or begins with `#`.
pub fn back_to(request: &HttpRequest, path: &str, fragment: &str) -> HttpResponse {
    let lang = match request.query("lang").and_then(Language::from_tag) {
        Some(language) => format!("?lang={}", language.tag()),
        None => String::new(),
    };
    HttpResponse::see_other(format!("{path}{lang}{fragment}"))
        .no_store()
        .header("referrer-policy", "no-referrer")
}

/// A problem as a page, with the headers of the problem; `way_out` is where the reader may go on.
pub fn problem(problem: &Problem, way_out: Option<&str>) -> HttpResponse {
    let status = problem.kind.status();
    // Where there is no more to say than which fields are at fault, that is what helps.
    let faults: Vec<_> = problem.errors.iter().map(|e| e.message.as_str()).collect();
    let faults = Some(faults.join(" ")).filter(|faults| !faults.is_empty());
    let html = problem_page(&ProblemView {
        locale: problem.locale,
        status,
        title: problem.title(),
        detail: problem.detail.as_deref().or(faults.as_deref()),
        way_out,
    });
    let page = page(status, html).header("content-language", problem.locale.tag());
    let headers = problem.headers().iter();
    headers.fold(page, |page, (name, value)| page.header(name, value))
}
