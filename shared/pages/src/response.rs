//! Pages as answers to requests.

use resound_lambda_kit::http::HttpResponse;
use resound_lambda_kit::problem::Problem;

use crate::{HEADERS, ProblemView, problem_page};

/// A page with the headers every page has.
pub fn page(status: u16, html: String) -> HttpResponse {
    HttpResponse::html(status, html).headers(&HEADERS)
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
