//! `GET /orders/{id}/timeline`: everything that happened to an order, for its buyer or the tenant's team. One query is
//! enough: every order has at least the entry of its placement, and each entry names the buyer.

use contracts::orders::{ShowTimeline, Timeline, TimelineEntry as EntryView};
use runtime::{Call, Granted, Outcome, Problem, Reply};
use store::{SortOrder, TimelineEntry, keys};

use crate::access::may_see;

/// More entries than an order can have: its states, dispatches, returns and window extensions are all limited.
const STEPS_MAX: i32 = 200;

pub async fn handle(deps: &Granted<ShowTimeline>, call: Call<ShowTimeline>) -> Outcome<ShowTimeline> {
    let (principal, order_id) = (call.principal()?, call.path.id);
    let list = keys::timeline(call.tenant()?, order_id);
    let (steps, _) = deps.db.list::<TimelineEntry>(&list, SortOrder::Ascending, STEPS_MAX, None).await?;
    if !steps.first().is_some_and(|placed| may_see(principal, placed.value.buyer_id)) {
        return Err(Problem::not_found());
    }
    let view = |entry: TimelineEntry| EntryView {
        at: entry.at,
        status: entry.status,
        event: entry.event,
        version: entry.order_version,
    };
    Ok(Reply::new(&Timeline { order_id, items: steps.into_iter().map(|step| view(step.value)).collect() }))
}

#[cfg(test)]
mod tests {
    use contracts::http::Problem as Wire;
    use domain::{OrderId, order::OrderStatus};
    use runtime::Principal;
    use testing::{TestRequest, http::Answer};

    use super::*;
    use crate::{
        fixtures::{Fixture, another_buyer},
        on_payment_completed,
    };

    async fn ask(fixture: &Fixture, by: &Principal, id: OrderId) -> Answer {
        TestRequest::new().by(by).path("id", id).send(fixture.deps(), handle).await
    }

    #[tokio::test]
    async fn tells_every_step_in_one_query() {
        let fixture = Fixture::new().await;
        fixture.world.clock.advance_s(60);
        on_payment_completed::handle(&fixture.granted(), fixture.completed()).await.unwrap();
        fixture.world.dynamo.take_calls();
        for who in [&fixture.world.buyer, &fixture.world.owner] {
            let timeline: Timeline = ask(&fixture, who, fixture.order.id).await.ok();
            assert_eq!(fixture.world.dynamo.take_calls(), [("Query".to_owned(), 1)].into());
            let steps: Vec<_> =
                timeline.items.iter().map(|step| (step.version, step.status, step.event.as_str())).collect();
            let placed = (1, OrderStatus::Pending, "ORDER_CREATED");
            assert_eq!(steps, [placed, (2, OrderStatus::Paid, "ORDER_PAYMENT_COMPLETED")]);
            assert_eq!(timeline.items[1].at, fixture.deps().now());
        }
    }

    #[tokio::test]
    async fn for_everybody_else_it_does_not_exist() {
        let fixture = Fixture::new().await;
        let neighbour = fixture.world.neighbour().await;
        let unknown = ask(&fixture, &fixture.world.owner, fixture.deps().id(OrderId::from_ulid)).await;
        let problem: Wire = serde_json::from_slice(&unknown.0.body).unwrap();
        assert_eq!((problem.status, problem.code.as_str()), (404, "not_found"));
        for who in [&another_buyer(&fixture.world), &neighbour.owner, &neighbour.buyer] {
            assert_eq!(ask(&fixture, who, fixture.order.id).await.0.body, unknown.0.body);
        }
    }
}
