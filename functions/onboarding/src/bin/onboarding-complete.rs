//! The Lambda behind `POST /onboarding/{id}/complete`.

fn main() -> runtime::Exit {
    onboarding::mains::complete()
}
