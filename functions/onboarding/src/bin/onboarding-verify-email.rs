//! The Lambda behind `POST /onboarding/{id}/verify-email`.

fn main() -> runtime::Exit {
    onboarding::mains::verify_email()
}
