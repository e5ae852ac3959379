//! The Lambda behind `GET /auth/sessions`.

fn main() -> runtime::Exit {
    auth::mains::sessions()
}
