//! The Lambda behind `POST /onboarding/{id}/verify-phone`.

fn main() -> runtime::Exit {
    runtime::serve_http(onboarding::verify_phone::handle)
}
