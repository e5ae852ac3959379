//! The Lambda `tenants-update-rate-rule`.

fn main() -> runtime::Exit {
    tenants::mains::update_rate_rule()
}
