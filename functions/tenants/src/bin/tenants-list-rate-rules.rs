//! The Lambda `tenants-list-rate-rules`.

fn main() -> runtime::Exit {
    tenants::mains::list_rate_rules()
}
