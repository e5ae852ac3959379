//! `ORDER_CREATED`, held back: an order that is still unpaid when its payment window closes is cancelled and its cart
//! given back. The queue holds a message for the shortest window, and at most 15 minutes, so until the order's own
//! window closes the message is sent on.

use contracts::{events::OrderCreated, orders::EXPIRE};
use domain::guard::{self, Rule};
use runtime::{Boot, Deps, FromBoot, Message, StepError, queue::OwnQueue};

use crate::transition::step;

#[derive(Debug)]
pub struct ExpireDeps {
    pub core: Deps,
    pub queue: OwnQueue,
}

impl FromBoot for ExpireDeps {
    fn from_boot(boot: &Boot) -> Self {
        Self { core: Deps::from_boot(boot), queue: OwnQueue::from_boot(boot) }
    }
}

impl AsRef<Deps> for ExpireDeps {
    fn as_ref(&self) -> &Deps {
        &self.core
    }
}

pub async fn handle(deps: &ExpireDeps, message: Message<OrderCreated>) -> Result<(), StepError> {
    let now = deps.core.now();
    let expires_at = message.detail.data.expires_at;
    if now < expires_at && guard::stands(Rule::Expiry) {
        let left = expires_at.duration_since(now);
        // Rounded up: better late by part of a second than once more round.
        let left_s = left.as_secs() + i64::from(left.subsec_nanos() > 0);
        let attempt = message.attempt + 1;
        return deps.queue.send(&Message { attempt, ..message }, left_s).await;
    }
    let event = message.detail;
    step(&deps.core, EXPIRE.function, &event, event.data.order_id, |order| Ok(order.expire(now))).await
}

#[cfg(test)]
mod tests {
    use domain::order::OrderStatus;
    use runtime::queue::Sent;

    use super::*;
    use crate::{
        fixtures::{Fixture, everything},
        on_payment_completed,
    };

    fn take(sent: &Sent) -> Vec<(String, i32)> {
        std::mem::take(&mut sent.lock().unwrap())
    }

    #[tokio::test]
    async fn cancels_an_unpaid_order_and_gives_the_cart_back_in_one_read_and_one_transaction() {
        let fixture = Fixture::new().await;
        let (deps, created) = (fixture.expire_deps(), fixture.created());
        fixture.world.clock.advance_s(900);
        handle(&deps, created.clone()).await.unwrap();
        let calls = fixture.world.dynamo.take_calls();
        assert_eq!(calls, [("GetItem".to_owned(), 1), ("TransactWriteItems".to_owned(), 1)].into());
        fixture.assert_moved(2, OrderStatus::Cancelled, "ORDER_CANCELLED").await;
        let sent = fixture.sent().pop().unwrap();
        assert_eq!((&sent.data["refund"], &sent.data["reason"]), (&false.into(), &"expired".into()));
        assert_eq!(fixture.cart().await.lines.len(), 1);

        let before = everything(&fixture.world);
        handle(&deps, created).await.unwrap();
        assert_eq!(everything(&fixture.world), before);
    }

    #[tokio::test]
    async fn until_the_window_closes_the_message_is_sent_on() {
        let fixture = Fixture::new().await;
        let (queue, sent) = OwnQueue::kept();
        let deps = ExpireDeps { core: fixture.deps().clone(), queue };
        let mut message = fixture.created();
        message.detail.data.expires_at = domain::time::after(fixture.order.placed_at, 2_000);
        let before = everything(&fixture.world);
        for (attempt, (waited_s, left_s)) in [(60, 900), (900, 900), (900, 140)].into_iter().enumerate() {
            fixture.world.clock.advance_s(waited_s);
            handle(&deps, message).await.unwrap();
            let [(body, delay_s)] = take(&sent).try_into().unwrap();
            assert_eq!(delay_s, left_s);
            message = serde_json::from_str(&body).unwrap();
            assert_eq!(message.attempt as usize, attempt + 1);
        }
        assert_eq!(everything(&fixture.world), before);
        fixture.world.clock.advance_s(140);
        handle(&deps, message).await.unwrap();
        assert!(take(&sent).is_empty());
        assert_eq!(fixture.status().await, OrderStatus::Cancelled);
    }

    #[tokio::test]
    async fn a_paid_order_does_not_lapse() {
        let fixture = Fixture::new().await;
        let (deps, created) = (fixture.expire_deps(), fixture.created());
        on_payment_completed::handle(fixture.deps(), fixture.completed()).await.unwrap();
        fixture.world.clock.advance_s(900);
        handle(&deps, created).await.unwrap();
        fixture.assert_moved(2, OrderStatus::Paid, "ORDER_PAYMENT_COMPLETED").await;
    }
}
