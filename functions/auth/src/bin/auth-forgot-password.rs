//! The Lambda behind `POST /auth/password/forgot`.

fn main() -> runtime::Exit {
    auth::mains::forgot_password()
}
