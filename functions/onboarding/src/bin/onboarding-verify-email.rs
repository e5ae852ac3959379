//! The Lambda behind `POST /onboarding/{id}/verify-email`.

fn main() -> runtime::Exit {
    runtime::serve_http(onboarding::verify_email::handle)
}
