//! The Lambda behind `GET /auth/me`.

fn main() -> runtime::Exit {
    auth::mains::me()
}
