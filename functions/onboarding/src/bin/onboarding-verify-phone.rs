//! The Lambda behind `POST /onboarding/{id}/verify-phone`.

fn main() -> runtime::Exit {
    onboarding::mains::verify_phone()
}
