//! The Lambda behind `POST /onboarding/{id}/phone`.

fn main() -> runtime::Exit {
    onboarding::mains::phone()
}
