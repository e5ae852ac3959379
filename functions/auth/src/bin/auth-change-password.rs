//! The Lambda behind `POST /auth/password/change`.

fn main() -> runtime::Exit {
    auth::mains::change_password()
}
