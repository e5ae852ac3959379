//! The Lambda behind `POST /onboarding/{id}/password`.

fn main() -> runtime::Exit {
    runtime::serve_http(onboarding::password::handle)
}
