//! `GET /orders/{id}`: an order, for its buyer or the tenant's team.

use contracts::orders::{Get, Order};
use runtime::{Call, Granted, Outcome, Reply};

use crate::access;

pub async fn handle(deps: &Granted<Get>, call: Call<Get>) -> Outcome<Get> {
    let order = access::read(deps, &call, call.path.id).await?;
    Ok(Reply::new(&Order::new(order.value, order.version)).etag(order.version))
}

#[cfg(test)]
mod tests {
    use contracts::orders::Order;
    use domain::{OrderId, Role};
    use runtime::Principal;
    use testing::{TestRequest, http::Answer};

    use super::*;
    use crate::fixtures::{Fixture, another_buyer};

    async fn ask(fixture: &Fixture, by: &Principal, id: &str) -> Answer {
        TestRequest::new().by(by).path("id", id).send(fixture.deps(), handle).await
    }

    #[tokio::test]
    async fn the_buyer_and_the_team_see_it_in_one_read() {
        let fixture = Fixture::new().await;
        let world = &fixture.world;
        for who in [&world.buyer, &world.owner, &world.principal(Role::Viewer)] {
            let answer = ask(&fixture, who, &fixture.order.id.to_string()).await;
            assert_eq!(answer.0.header("etag"), Some("\"1\""));
            assert_eq!(answer.ok::<Order>(), fixture.order);
            assert_eq!(world.dynamo.take_calls(), [("GetItem".to_owned(), 1)].into());
        }
    }

    /// Orders stored before fulfilment and returns existed lack these fields.
    #[tokio::test]
    async fn older_orders_are_read() {
        let fixture = Fixture::new().await;
        let stored = fixture.stored().await.value;
        let mut older = serde_json::to_value(&stored).unwrap();
        for later in ["fulfilment", "returns"] {
            older.as_object_mut().unwrap().remove(later).unwrap();
        }
        assert_eq!(serde_json::from_value::<domain::order::Order>(older).unwrap(), stored);
    }

    #[tokio::test]
    async fn for_everybody_else_it_does_not_exist() {
        let fixture = Fixture::new().await;
        let world = &fixture.world;
        let neighbour = world.neighbour().await;
        let id = fixture.order.id.to_string();
        let same_person_elsewhere = Principal { tenant_id: Some(neighbour.tenant), ..world.buyer.clone() };
        let unknown = ask(&fixture, &world.owner, &world.deps.id(OrderId::from_ulid).to_string()).await;
        assert_eq!(unknown.problem(), (404, "not_found".into()));
        for who in [&another_buyer(world), &neighbour.owner, &neighbour.buyer, &same_person_elsewhere] {
            assert_eq!(ask(&fixture, who, &id).await.0.body, unknown.0.body);
        }
        for id in ["ord_1", "T#x", &id.to_lowercase()] {
            assert_eq!(ask(&fixture, &world.owner, id).await.0.body, unknown.0.body, "{id}");
        }
    }
}
