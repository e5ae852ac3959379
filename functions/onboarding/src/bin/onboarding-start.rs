//! The Lambda behind `POST /onboarding`.

fn main() -> runtime::Exit {
    onboarding::mains::start()
}
