//! The Lambda behind `GET /onboarding/{id}`.

fn main() -> runtime::Exit {
    runtime::serve_http(onboarding::get::handle)
}
