//! The Lambda behind `POST /auth/switch-tenant`.

fn main() -> runtime::Exit {
    auth::mains::switch_tenant()
}
