//! The list of all functions, for programs that host more than one of them. No Lambda depends on this crate.

use runtime::Hosted;

/// All functions of all services.
pub fn functions() -> Vec<Hosted> {
    [
        audit::functions(),
        auth::functions(),
        carts::functions(),
        coupons::functions(),
        inventory::functions(),
        notifications::functions(),
        onboarding::functions(),
        orders::functions(),
        payments::functions(),
        platform::functions(),
        products::functions(),
        stores::functions(),
        tenants::functions(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[cfg(test)]
mod every_endpoint;
#[cfg(test)]
mod every_text;
#[cfg(test)]
mod hostile_bodies;

#[cfg(test)]
mod tests {
    use super::functions;

    /// Fails for a row without a handler, a handler that its service does not list, and a service missing in the list
    /// above.
    #[test]
    fn every_row_has_its_function_and_every_function_its_row() {
        let mut hosted: Vec<_> = functions().iter().map(|function| function.row.function).collect();
        let mut rows: Vec<_> = contracts::rows().iter().map(|row| row.function).collect();
        hosted.sort_unstable();
        rows.sort_unstable();
        assert_eq!(hosted, rows);
    }
}
