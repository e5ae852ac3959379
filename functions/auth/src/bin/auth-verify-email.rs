//! The Lambda behind `POST /auth/verify-email`.

fn main() -> runtime::Exit {
    auth::mains::verify_email()
}
