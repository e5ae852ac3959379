//! The Lambda behind `GET /onboarding/{id}`.

fn main() -> runtime::Exit {
    onboarding::mains::get()
}
