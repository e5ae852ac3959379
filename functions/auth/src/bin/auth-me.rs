//! The Lambda behind `GET /auth/me`.

fn main() -> runtime::Exit {
    runtime::serve_http(auth::me::handle)
}
