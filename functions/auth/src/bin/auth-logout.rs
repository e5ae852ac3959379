//! The Lambda behind `POST /auth/logout`.

fn main() -> runtime::Exit {
    auth::mains::logout()
}
