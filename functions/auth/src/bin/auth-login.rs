//! The Lambda behind `POST /auth/login`.

fn main() -> runtime::Exit {
    runtime::serve_http(auth::login::handle)
}
