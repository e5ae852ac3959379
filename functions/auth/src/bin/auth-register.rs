//! The Lambda behind `POST /auth/register`.

fn main() -> runtime::Exit {
    auth::mains::register()
}
