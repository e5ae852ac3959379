//! The Lambda behind `POST /auth/switch-tenant`.

fn main() -> runtime::Exit {
    runtime::serve_http(auth::switch_tenant::handle)
}
