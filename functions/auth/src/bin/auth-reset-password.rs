//! The Lambda behind `POST /auth/password/reset`.

fn main() -> runtime::Exit {
    auth::mains::reset_password()
}
