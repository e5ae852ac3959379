//! Our references at providers: `<tenant>-<order>-<attempt>`, ULIDs without their prefixes, because Paystack accepts no
//! underscore. A webhook with such a reference leads to the payment without a look-up; the webhook's signature proves
//! that it is genuine.

use domain::{OrderId, TenantId};

pub(crate) fn new(tenant: TenantId, order: OrderId, attempt: usize) -> String {
    format!("{}-{}-{attempt}", tenant.ulid(), order.ulid())
}

/// `None` for charges that are not ours: the same Paystack account may serve another shop.
pub(crate) fn parse(reference: &str) -> Option<(TenantId, OrderId)> {
    let mut parts = reference.split('-');
    let tenant = format!("{}_{}", TenantId::PREFIX, parts.next()?).parse().ok()?;
    let order = format!("{}_{}", OrderId::PREFIX, parts.next()?).parse().ok()?;
    parts.next()?.parse::<usize>().ok()?;
    parts.next().is_none().then_some((tenant, order))
}

#[cfg(test)]
mod tests {
    use testing::World;

    use super::*;

    #[tokio::test]
    async fn reads_back_and_takes_no_other() {
        let world = World::new().await;
        let order = world.deps.id(OrderId::from_ulid);
        let reference = new(world.tenant, order, 3);
        assert_eq!(parse(&reference), Some((world.tenant, order)));
        assert!(reference.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'));
        for other in ["", "x", "T685312345", &format!("{reference}-1"), &reference.to_lowercase()] {
            assert_eq!(parse(other), None, "{other}");
        }
    }
}
