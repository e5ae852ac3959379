//! The Lambda behind `POST /auth/login`.

fn main() -> runtime::Exit {
    auth::mains::login()
}
