//! The Lambda behind `PATCH /auth/me`.

fn main() -> runtime::Exit {
    runtime::serve_http(auth::update_me::handle)
}
