//! The Lambda behind `POST /auth/register`.

fn main() -> runtime::Exit {
    runtime::serve_http(auth::register::handle)
}
