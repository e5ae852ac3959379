//! The Lambda behind `POST /onboarding/{id}/profile`.

fn main() -> runtime::Exit {
    runtime::serve_http(onboarding::profile::handle)
}
