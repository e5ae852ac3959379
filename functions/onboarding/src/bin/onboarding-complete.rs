//! The Lambda behind `POST /onboarding/{id}/complete`.

fn main() -> runtime::Exit {
    runtime::serve_http(onboarding::complete::handle)
}
