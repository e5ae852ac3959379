//! The Lambda behind `POST /onboarding/{id}/profile`.

fn main() -> runtime::Exit {
    onboarding::mains::profile()
}
