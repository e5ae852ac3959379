//! The Lambda `tenants-create-rate-rule`.

fn main() -> runtime::Exit {
    tenants::mains::create_rate_rule()
}
