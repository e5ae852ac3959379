//! The Lambda behind `POST /onboarding/{id}/password`.

fn main() -> runtime::Exit {
    onboarding::mains::password()
}
