//! The Lambda `tenants-delete-rate-rule`.

fn main() -> runtime::Exit {
    tenants::mains::delete_rate_rule()
}
