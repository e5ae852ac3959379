//! The Lambda behind `PATCH /auth/me`.

fn main() -> runtime::Exit {
    auth::mains::update_me()
}
