//! The Lambda behind `POST /onboarding`.

fn main() -> runtime::Exit {
    runtime::serve_http(onboarding::start::handle)
}
