//! The Lambda behind `POST /onboarding/{id}/phone`.

fn main() -> runtime::Exit {
    runtime::serve_http(onboarding::phone::handle)
}
