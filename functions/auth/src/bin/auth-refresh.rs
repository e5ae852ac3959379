//! The Lambda behind `POST /auth/refresh`.

fn main() -> runtime::Exit {
    auth::mains::refresh()
}
