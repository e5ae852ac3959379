//! Tells people by e-mail what happened, once per thing, kind and audience.
//!
//! A mail cannot be part of a transaction, so there are three steps: claim the mail (record that it is being sent),
//! send it, record that it was sent. A call that finds the mail recorded as sent does nothing. A call that finds an
//! unfinished claim, old enough that its owner must have stopped, sends the mail again. So a crash between sending and
//! recording can send a mail twice, but no crash can lose one.

use contracts::{
    Function,
    events::{Envelope, Notable, NotificationSent},
    notifications::OnEvent,
};
use domain::{EventId, NotificationId, StoreId, TenantId, order::Order, store::Store, time::after};
use mail::Mailer;
use runtime::{Deps, Granted, Received, StepError, With};
use store::{CommitError, Entity, NotSent, Notification, Refused, SuppressedAddress, Tx, Versioned, keys};

use crate::messages::{self, Message};

/// No call runs longer than the function's timeout, so a claim older than this (on the claiming call's clock) has no
/// owner any more.
const CLAIM_S: i64 = OnEvent::ROW.timeout_s as i64;

/// The retry reason when another call is sending the mail.
const BEING_SENT: &str = "it is being sent";

pub async fn handle(deps: &Granted<OnEvent, Mailer>, event: Envelope<Notable>) -> Result<(), StepError> {
    // The refund that settles the order gets its message from `ORDER_REFUNDED`, which the order publishes after this
    // event.
    if matches!(&event.data, Notable::RefundCompleted(refund) if refund.settles) {
        return Ok(());
    }
    let store = deps.db.get::<Store>(&keys::store(event.tenant_id, messages::store_id(&event.data))).await?;
    let store = store.ok_or_else(|| StepError::retry("there is no such store (yet)"))?.value;
    let order = match messages::order_id(&event.data) {
        Some(id) => {
            let order = deps.db.get::<Order>(&keys::order(event.tenant_id, id)).await?;
            Some(order.ok_or_else(|| StepError::retry("there is no such order (yet)"))?.value)
        }
        None => None,
    };
    let received = deps.received(&event);
    let messages = messages::messages(&event.data, &store, order.as_ref(), &deps.config);
    let mut told = Ok(());
    for (index, message) in messages.iter().enumerate() {
        let about = About { event_id: event.id, store_id: store.id };
        match deliver(deps, &received, about, message, index + 1 == messages.len()).await {
            // If one recipient's address is rejected, the other recipients still get their mail.
            Err(error @ StepError::Poison(_)) => told = Err(error),
            delivered => delivered?,
        }
    }
    told
}

/// The event that a message is about, and its store.
#[derive(Clone, Copy)]
struct About {
    event_id: EventId,
    store_id: StoreId,
}

/// Sends a message unless it has been sent already. Sending the event's last message also writes the inbox record.
async fn deliver(
    deps: &With<Mailer>,
    received: &Received,
    about: About,
    message: &Message,
    is_last: bool,
) -> Result<(), StepError> {
    for kind in message.kinds {
        match claim(deps, received.tenant_id, about, message, kind).await? {
            Claim::Mine(claimed) => return send(deps, received, about.store_id, message, *claimed, is_last).await,
            Claim::Told { of } if of == about.event_id => return Ok(()),
            Claim::Told { .. } => {}
        }
    }
    Ok(())
}

enum Claim {
    /// This call holds the claim, so no other call sends the mail.
    Mine(Box<Versioned<Notification>>),
    /// The mail has been sent for the event `of`, or it is recorded that none will be.
    Told { of: EventId },
}

async fn claim(deps: &Deps, tenant: TenantId, about: About, message: &Message, kind: &str) -> Result<Claim, StepError> {
    let (now, to) = (deps.now(), &message.email.to);
    let suppressed = deps.db.get::<SuppressedAddress>(&keys::suppressed_address(to)).await?;
    if suppressed.is_some() && message.audience == "seller" {
        tracing::warn!(kind, reference = message.reference, "a seller was not told: the address is suppressed");
    }
    let mut wanted = Notification {
        id: deps.id(NotificationId::from_ulid),
        event_id: about.event_id,
        kind: kind.to_owned(),
        audience: message.audience.to_owned(),
        reference: message.reference.clone(),
        recipient: to.clone(),
        subject: message.email.subject.clone(),
        claimed_at: now,
        sent_at: None,
        not_sent: suppressed.map(|_| NotSent::Suppressed),
        created_at: now,
    };
    let mut tx = deps.tx();
    let mut op = tx.create(tenant, &wanted);
    if message.is_unpaid && wanted.not_sent.is_none() {
        tx.count_unpaid_mail(tenant, about.store_id, to, now);
    }
    let mut refused = try_commit(deps, tx).await?;
    if refused.as_ref().is_some_and(|refused| !refused.contains(op)) {
        wanted.not_sent = Some(NotSent::TooMany);
        let mut tx = deps.tx();
        op = tx.create(tenant, &wanted);
        refused = try_commit(deps, tx).await?;
    }
    let Some(refused) = refused else { return Ok(claimed(wanted, 1)) };
    let held = refused.found::<Notification>(op)?.ok_or_else(|| StepError::retry("the claim is gone"))?;
    if held.value.sent_at.is_some() || held.value.not_sent.is_some() {
        return Ok(Claim::Told { of: held.value.event_id });
    }
    if now < after(held.value.claimed_at, CLAIM_S + deps.config.clock_skew_max_s) {
        return Err(StepError::retry(BEING_SENT));
    }
    let taken = Notification { id: held.value.id, created_at: held.value.created_at, ..wanted };
    let mut tx = deps.tx();
    tx.update(tenant, &taken, held.version);
    match try_commit(deps, tx).await? {
        None => Ok(claimed(taken, held.version + 1)),
        Some(_) => Err(StepError::retry(BEING_SENT)),
    }
}

fn claimed(value: Notification, version: u64) -> Claim {
    match value.not_sent {
        Some(_) => Claim::Told { of: value.event_id },
        None => Claim::Mine(Box::new(Versioned { value, version })),
    }
}

/// Commits a transaction, and returns the refusal if a condition failed.
async fn try_commit(deps: &Deps, tx: Tx) -> Result<Option<Refused>, StepError> {
    match deps.db.commit(tx).await {
        Ok(()) => Ok(None),
        Err(CommitError::Refused(refused)) => Ok(Some(refused)),
        Err(CommitError::Busy) => Err(StepError::retry("too much contention")),
        Err(CommitError::Store(error)) => Err(error.into()),
    }
}

async fn send(
    deps: &With<Mailer>,
    received: &Received,
    store_id: StoreId,
    message: &Message,
    claimed: Versioned<Notification>,
    is_last: bool,
) -> Result<(), StepError> {
    let tenant = received.tenant_id;
    if let Err(error) = deps.extra.send(&message.email).await {
        // If SES refused the mail, nothing was sent: the claim is deleted, so that the next try need not wait for it.
        // If SES failed or did not answer, the mail may have been sent: the claim stays until it lapses.
        if error.is_refusal() {
            let mut tx = deps.tx();
            tx.delete(claimed.value.key(tenant), claimed.version);
            if message.is_unpaid {
                tx.uncount_unpaid_mail(tenant, store_id, &message.email.to, claimed.value.claimed_at);
            }
            try_commit(deps, tx).await?;
        }
        return Err(if error.is_final() { StepError::poison(error) } else { StepError::retry(error) });
    }
    let mut tx = deps.tx();
    let sent = Notification { sent_at: Some(deps.now()), ..claimed.value };
    let recorded = tx.update(tenant, &sent, claimed.version);
    let told = NotificationSent { notification: sent.kind, reference: sent.reference, audience: sent.audience };
    let version = claimed.version + 1;
    tx.emit(&deps.event(&received.cause, tenant, told.reference.clone(), version, told));
    let noted = if is_last { received.note(&mut tx, deps.now()) } else { None };
    match try_commit(deps, tx).await? {
        Some(refused) if !refused.contains(noted.unwrap_or(recorded)) => {
            Err(StepError::retry("somebody else records it"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use contracts::{
        events::{
            Event, LineQuantity, OrderCancelled, OrderConfirmed, OrderCreated, OrderDelivered, OrderDispatched,
            OrderRefunded, PaymentFlagged, RefundCompleted, RefundFailed, ReturnRejected, ReturnRequested,
            TenantOnboarded,
        },
        table::Table,
    };
    use domain::{
        AccountId, Currency, Money, OrderId, PaymentId, ProductId, RefundId, ReturnId, Timestamp, VariantId,
        limits::{CLOCK_SKEW_MAX_S, UNPAID_MAILS_PER_DAY_MAX},
        order::{CancelReason, Customer, OrderState, Tracking},
        pricing::Totals,
    };
    use mail::Email;
    use runtime::{Running, host};
    use serde_json::{Value, json};
    use store::SuppressionReason;
    use testing::World;

    use super::*;

    struct Shop {
        world: World,
        order_id: OrderId,
    }

    const BUYER: &str = "chidi@example.com";
    const SELLER: &str = "seller@example.com";
    const SUPPORT: &str = "ada@example.com";

    impl Shop {
        async fn new() -> Self {
            let world = World::new().await;
            let order_id = world.deps.id(OrderId::from_ulid);
            Self { world, order_id }
        }

        fn sent<E: Event>(&self, data: E) -> Envelope<Value> {
            let event = self.world.event(self.order_id, 3, data);
            serde_json::from_value(serde_json::to_value(event).unwrap()).unwrap()
        }

        fn event<E: Event>(&self, data: E) -> Envelope<Notable> {
            self.sent(data).read().unwrap()
        }

        fn customer() -> Customer {
            Customer { name: "Chidi Eze".into(), email: BUYER.into(), phone: None }
        }

        fn confirmed(&self) -> OrderConfirmed {
            OrderConfirmed {
                store_id: self.world.store.id,
                order_id: self.order_id,
                number: "7KQ2-M9XD".into(),
                customer: Self::customer(),
                lines: vec![LineQuantity {
                    product_id: self.world.deps.id(ProductId::from_ulid),
                    variant_id: self.world.deps.id(VariantId::from_ulid),
                    title: "Things Fall Apart".into(),
                    quantity: 2,
                }],
                total: Money::new(1_117_500, Currency::Ngn),
                coupon: None,
            }
        }

        fn cancelled(&self, reason: CancelReason, refund: bool) -> OrderCancelled {
            OrderCancelled {
                store_id: self.world.store.id,
                order_id: self.order_id,
                number: "7KQ2-M9XD".into(),
                customer: Self::customer(),
                total: Money::new(1_117_500, Currency::Ngn),
                reason,
                refund,
            }
        }

        async fn write_order(&self) {
            let (world, now, total) = (&self.world, self.world.deps.now(), self.confirmed().total);
            let zero = Money::zero(Currency::Ngn);
            let order = Order {
                id: self.order_id,
                store_id: world.store.id,
                number: "7KQ2-M9XD".into(),
                buyer_id: world.buyer.account_id,
                customer: Self::customer(),
                shipping_address: None,
                shipping_method: None,
                payment_provider: "paystack".into(),
                note: None,
                lines: vec![],
                totals: Totals { subtotal: total, discount: zero, shipping: zero, tax: zero, total },
                state: OrderState::Completed { payment_id: world.deps.id(PaymentId::from_ulid), completed_at: now },
                placed_at: now,
                expires_at: now,
                payment_window_s: 900,
                updated_at: now,
                fulfilment: None,
                returns: vec![],
                client: None,
                coupon: None,
            };
            let mut tx = world.deps.tx();
            tx.create(world.tenant, &order);
            world.deps.db.commit(tx).await.unwrap();
        }

        async fn handle(&self, event: &Envelope<Notable>) -> Result<(), StepError> {
            handle(&self.world.deps.granted(), event.clone()).await
        }

        /// Whether the message stays in its queue, to be delivered again, after it was received `receives` times.
        async fn comes_again(&self, event: &Envelope<Value>, receives: u32, sent_at: Timestamp) -> bool {
            let record = json!({
                "messageId": "1", "receiptHandle": "r", "body": json!({ "detail": event }).to_string(),
                "attributes": {
                    "ApproximateReceiveCount": receives.to_string(),
                    "SentTimestamp": sent_at.as_millisecond().to_string(),
                },
            });
            let Running::Queue(on_event) = host::consumer(handle).start(self.world.deps.boot()) else {
                panic!("not a queue")
            };
            let answer = on_event(vec![serde_json::from_value(record).unwrap()]).await;
            !answer.batch_item_failures.is_empty()
        }

        /// The mails sent since the last call of this function.
        fn take_mails(&self) -> Vec<Email> {
            self.world.aws.take_mails()
        }

        /// The kind and audience of every mail that is recorded as sent.
        fn recorded(&self) -> Vec<(String, String)> {
            let items = self.world.dynamo.items(Table::Notifications);
            let text = |item: &Value, name: &str| item["data"]["M"][name]["S"].as_str().unwrap().to_owned();
            let sent = items.iter().filter(|item| item["data"]["M"]["sent_at"]["S"].is_string());
            let mut kinds: Vec<_> = sent.map(|item| (text(item, "kind"), text(item, "audience"))).collect();
            kinds.sort();
            kinds
        }

        /// Leaves a claim as a call does that crashes before it sends the mail.
        async fn leave_claim(&self, event: &Envelope<Notable>, audience: &str) {
            let now = self.world.deps.now();
            let claim = Notification {
                id: self.world.deps.id(NotificationId::from_ulid),
                event_id: event.id,
                kind: "ORDER_CONFIRMATION".into(),
                audience: audience.into(),
                reference: self.order_id.to_string(),
                recipient: "x@example.com".into(),
                subject: "x".into(),
                claimed_at: now,
                sent_at: None,
                not_sent: None,
                created_at: now,
            };
            let mut tx = self.world.deps.tx();
            tx.create(self.world.tenant, &claim);
            self.world.deps.db.commit(tx).await.unwrap();
        }
    }

    fn to(mails: &[Email]) -> Vec<&str> {
        mails.iter().map(|mail| mail.to.as_str()).collect()
    }

    #[tokio::test]
    async fn a_confirmed_order_is_told_to_buyer_and_seller() {
        let shop = Shop::new().await;
        shop.handle(&shop.event(shop.confirmed())).await.unwrap();
        assert_eq!(
            shop.world.dynamo.take_calls(),
            [("GetItem".to_owned(), 3), ("TransactWriteItems".to_owned(), 4)].into()
        );
        let mails = shop.take_mails();
        assert_eq!(to(&mails), [BUYER, SELLER]);
        assert_eq!(mails[0].subject, "Your order 7KQ2-M9XD at Ada's Books is confirmed");
        for part in ["NGN 11,175.00", "2 x Things Fall Apart", SUPPORT] {
            assert!(mails[0].text.contains(part) && mails[0].html.contains(part), "{part}: {}", mails[0].text);
        }
        assert!(mails[1].subject.contains("7KQ2-M9XD") && mails[1].text.contains(BUYER));
        assert_eq!(
            shop.recorded(),
            ["buyer", "seller"].map(|audience| ("ORDER_CONFIRMATION".to_owned(), audience.to_owned()))
        );
        let events = shop.world.dynamo.items(Table::Outbox);
        assert_eq!(events.len(), 2);
        assert!(events.iter().all(|event| event["data"]["M"]["event_type"]["S"] == "NOTIFICATION_SENT"));
        assert!(!events.iter().any(|event| event.to_string().contains('@')), "an event holds an address");
    }

    #[tokio::test]
    async fn nobody_is_told_twice() {
        let shop = Shop::new().await;
        let event = shop.event(shop.confirmed());
        shop.handle(&event).await.unwrap();
        shop.take_mails();
        shop.handle(&event).await.unwrap();
        shop.handle(&shop.event(shop.confirmed())).await.unwrap();
        assert!(shop.take_mails().is_empty());
        assert_eq!(shop.world.dynamo.items(Table::Outbox).len(), 2);
        assert_eq!(shop.world.dynamo.items(Table::Requests).len(), 1);
    }

    #[tokio::test]
    async fn a_claim_is_left_alone_while_somebody_may_be_sending_and_taken_over_after() {
        let shop = Shop::new().await;
        let event = shop.event(shop.confirmed());
        shop.leave_claim(&event, "buyer").await;
        shop.world.clock.advance_s(CLAIM_S + CLOCK_SKEW_MAX_S - 1);
        assert!(matches!(shop.handle(&event).await, Err(StepError::Retry(_))));
        assert!(shop.take_mails().is_empty());
        shop.world.clock.advance_s(1);
        shop.handle(&event).await.unwrap();
        assert_eq!(to(&shop.take_mails()), [BUYER, SELLER]);
        assert_eq!(shop.recorded().len(), 2);
    }

    /// If SES does not answer, the mail may have been sent.
    #[tokio::test]
    async fn what_the_mail_service_did_not_answer_is_sent_later() {
        let shop = Shop::new().await;
        let event = shop.event(shop.confirmed());
        shop.world.aws.mail_is_away(true);
        assert!(matches!(shop.handle(&event).await, Err(StepError::Retry(_))));
        assert!(shop.recorded().is_empty() && shop.world.dynamo.items(Table::Outbox).is_empty());
        shop.world.aws.mail_is_away(false);
        assert!(matches!(shop.handle(&event).await, Err(StepError::Retry(_))));
        assert!(shop.take_mails().is_empty());
        shop.world.clock.advance_s(CLAIM_S + CLOCK_SKEW_MAX_S);
        shop.handle(&event).await.unwrap();
        assert_eq!(to(&shop.take_mails()), [BUYER, SELLER]);
    }

    #[tokio::test]
    async fn what_the_mail_service_refused_for_now_is_sent_at_the_next_try() {
        for code in ["TooManyRequestsException", "SendingPausedException", "AccountSuspendedException"] {
            let shop = Shop::new().await;
            let event = shop.event(shop.confirmed());
            shop.world.aws.refuse_mails_to(BUYER, Some(code));
            for _ in 0..2 {
                let Err(StepError::Retry(reason)) = shop.handle(&event).await else { panic!("{code}") };
                assert!(reason.contains(code), "{reason}");
                let nothing = [Table::Notifications, Table::Outbox, Table::Requests];
                assert!(nothing.iter().all(|table| shop.world.dynamo.items(*table).is_empty()), "{code}");
            }
            shop.world.aws.refuse_mails_to(BUYER, None);
            shop.handle(&event).await.unwrap();
            assert_eq!(to(&shop.take_mails()), [BUYER, SELLER]);
        }
    }

    #[tokio::test]
    async fn what_the_mail_service_will_never_take_is_a_dead_letter_at_once() {
        for code in ["MessageRejected", "BadRequestException"] {
            let shop = Shop::new().await;
            shop.world.aws.refuse_mails_to(BUYER, Some(code));
            let event = shop.sent(shop.confirmed());
            assert!(!shop.comes_again(&event, 1, event.time).await);
            let dead = shop.world.aws.take_sent();
            assert_eq!(dead.iter().map(|dead| dead.queue.as_str()).collect::<Vec<_>>(), ["own-dlq"]);
            let reason = dead[0].reason.clone().unwrap();
            // The error from SES quotes the address.
            assert!(reason.contains(code) && !reason.contains('@'), "{reason}");
            // The seller still gets a mail. When the dead letter is redriven, only the buyer gets one.
            assert_eq!(to(&shop.take_mails()), [SELLER]);
            assert_eq!(shop.world.dynamo.items(Table::Notifications).len(), 1, "the claim is given up");
            shop.world.aws.refuse_mails_to(BUYER, None);
            assert!(!shop.comes_again(&event, 1, event.time).await);
            assert_eq!(shop.world.aws.take_sent(), []);
            assert_eq!((to(&shop.take_mails()), shop.recorded().len()), (vec![BUYER], 2));
        }
    }

    #[tokio::test]
    async fn a_mail_service_that_is_away_for_two_hours_loses_nothing() {
        let shop = Shop::new().await;
        let (event, sent_at) = (shop.sent(shop.confirmed()), shop.world.deps.now());
        let back_at = after(sent_at, 2 * 3_600);
        let mut receives = 0;
        loop {
            shop.world.aws.mail_is_away(shop.world.deps.now() < back_at);
            receives += 1;
            if !shop.comes_again(&event, receives, sent_at).await {
                break;
            }
            let [wait_s] = shop.world.aws.take_held_back_s().try_into().unwrap();
            assert!((1..=900).contains(&wait_s), "{wait_s}");
            shop.world.clock.advance_s(wait_s);
        }
        assert!(after(shop.world.deps.now(), -900) <= back_at && receives < 20, "{receives}");
        assert_eq!(to(&shop.take_mails()), [BUYER, SELLER]);
        assert_eq!((shop.world.aws.take_sent(), shop.recorded().len()), (vec![], 2));
    }

    #[tokio::test]
    async fn what_was_left_after_the_first_letter_is_done_without_repeating_it() {
        let shop = Shop::new().await;
        let event = shop.event(shop.confirmed());
        shop.leave_claim(&event, "seller").await;
        assert!(matches!(shop.handle(&event).await, Err(StepError::Retry(_))));
        assert_eq!(to(&shop.take_mails()), [BUYER]);
        assert!(shop.world.dynamo.items(Table::Requests).is_empty(), "it is not dealt with");
        shop.world.clock.advance_s(CLAIM_S + CLOCK_SKEW_MAX_S);
        shop.handle(&event).await.unwrap();
        assert_eq!(to(&shop.take_mails()), [SELLER]);
        assert_eq!(shop.world.dynamo.items(Table::Requests).len(), 1);
    }

    #[tokio::test]
    async fn what_people_typed_stays_text() {
        let shop = Shop::new().await;
        let mut order = shop.confirmed();
        order.customer.name = "<script>alert(1)</script>\r\nBcc: all@example.com".into();
        order.lines[0].title = "<img src=x onerror=alert(1)>".into();
        shop.handle(&shop.event(order)).await.unwrap();
        for mail in shop.take_mails() {
            assert!(!mail.html.contains("<script") && !mail.html.contains("<img"), "{}", mail.html);
            assert!(!mail.subject.contains(char::is_control) && !mail.text.contains("\nBcc"), "{}", mail.text);
        }
    }

    /// Whoever orders can type anybody's address, and write to it whatever the mails repeat.
    #[tokio::test]
    async fn what_the_buyer_typed_is_in_no_mail_to_the_address_that_the_buyer_typed() {
        let shop = Shop::new().await;
        let (store_id, order_id, number) = (shop.world.store.id, shop.order_id, "7KQ2-M9XD".to_owned());
        let typed = "Win at evil.example";
        let customer = Customer { name: typed.into(), ..Shop::customer() };
        let return_id = shop.world.deps.id(ReturnId::from_ulid);
        let total = shop.confirmed().total;
        let (lines, reason) = (shop.confirmed().lines, typed.to_owned());
        let events = [
            shop.event(OrderConfirmed { customer: customer.clone(), ..shop.confirmed() }),
            shop.event(OrderCancelled { customer: customer.clone(), ..shop.cancelled(CancelReason::Expired, false) }),
            shop.event(OrderRefunded { store_id, order_id, number: number.clone(), customer: customer.clone(), total }),
            shop.event(OrderDispatched {
                store_id,
                order_id,
                number: number.clone(),
                customer: customer.clone(),
                dispatch: 1,
                tracking: None,
                note: None,
            }),
            shop.event(OrderDelivered {
                store_id,
                order_id,
                number: number.clone(),
                customer: customer.clone(),
                note: None,
            }),
            shop.event(ReturnRequested {
                store_id,
                order_id,
                return_id,
                number: number.clone(),
                customer: customer.clone(),
                lines,
                reason,
            }),
            shop.event(ReturnRejected { store_id, order_id, return_id, number, customer, note: None }),
        ];
        let mut told = 0;
        for event in &events {
            shop.handle(event).await.unwrap();
            for mail in shop.take_mails().iter().filter(|mail| mail.to == BUYER) {
                told += 1;
                let all = format!("{} {} {}", mail.subject, mail.text, mail.html);
                assert!(!all.contains("evil") && !all.contains(BUYER), "{all}");
            }
        }
        assert_eq!(told, 6);
    }

    /// Anybody can place orders in anybody's name and let them lapse.
    #[tokio::test]
    async fn a_store_sends_an_address_only_so_many_mails_a_day_about_what_nobody_paid_for() {
        let mut shop = Shop::new().await;
        let max = usize::try_from(UNPAID_MAILS_PER_DAY_MAX).unwrap();
        let mut cancel = async |refund| {
            shop.order_id = shop.world.deps.id(OrderId::from_ulid);
            let event = shop.event(shop.cancelled(CancelReason::Expired, refund));
            for _ in 0..2 {
                shop.handle(&event).await.unwrap();
            }
            shop.take_mails().len()
        };
        for _ in 0..max {
            assert_eq!(cancel(false).await, 2);
        }
        assert_eq!(cancel(false).await, 0);
        assert_eq!(cancel(true).await, 2, "what was paid for is told all the same");
        let reasons = |shop: &Shop| -> Vec<Value> {
            let items = shop.world.dynamo.items(Table::Notifications);
            let reason = |item: &Value| item["data"]["M"]["not_sent"]["S"].clone();
            items.iter().map(reason).filter(|reason| !reason.is_null()).collect()
        };
        assert_eq!(reasons(&shop), [json!("too_many"), json!("too_many")]);
        shop.world.clock.advance_s(24 * 3_600);
        shop.order_id = shop.world.deps.id(OrderId::from_ulid);
        shop.handle(&shop.event(shop.cancelled(CancelReason::Expired, false))).await.unwrap();
        assert_eq!(to(&shop.take_mails()), [BUYER, SELLER]);
    }

    #[tokio::test]
    async fn what_the_mail_service_refused_does_not_count_as_sent() {
        let shop = Shop::new().await;
        let event = shop.event(shop.cancelled(CancelReason::Expired, false));
        shop.world.aws.refuse_mails_to(BUYER, Some("TooManyRequestsException"));
        for _ in 0..=UNPAID_MAILS_PER_DAY_MAX {
            assert!(matches!(shop.handle(&event).await, Err(StepError::Retry(_))));
        }
        shop.world.aws.refuse_mails_to(BUYER, None);
        shop.handle(&event).await.unwrap();
        assert_eq!(to(&shop.take_mails()), [BUYER, SELLER]);
    }

    #[tokio::test]
    async fn nothing_is_sent_to_a_suppressed_address_and_the_reason_is_recorded() {
        let shop = Shop::new().await;
        shop.world.suppress(BUYER, SuppressionReason::Bounced).await;
        let event = shop.event(shop.confirmed());
        for sent in [vec![SELLER], vec![]] {
            shop.handle(&event).await.unwrap();
            assert_eq!(to(&shop.take_mails()), sent);
        }
        let key = keys::notification(shop.world.tenant, &shop.order_id.to_string(), "ORDER_CONFIRMATION", "buyer");
        let kept = shop.world.deps.db.get::<Notification>(&key).await.unwrap().unwrap().value;
        assert_eq!((kept.sent_at, kept.not_sent), (None, Some(NotSent::Suppressed)));
    }

    #[tokio::test]
    async fn a_cancellation_says_why_and_what_becomes_of_the_money() {
        for (reason, refund, buyer_reads, seller_reads) in [
            (CancelReason::Buyer, false, "you asked for it", "the buyer asked"),
            (CancelReason::Staff, true, "the shop had to cancel", "your team asked"),
            (CancelReason::Expired, false, "not paid in time", "not paid in time"),
            (CancelReason::PaymentFailed, false, "did not go through", "did not go through"),
            (CancelReason::OutOfStock, true, "sold out", "the stock was gone"),
        ] {
            let shop = Shop::new().await;
            shop.handle(&shop.event(shop.cancelled(reason, refund))).await.unwrap();
            let mails = shop.take_mails();
            assert_eq!(to(&mails), [BUYER, SELLER]);
            assert!(mails[0].text.contains(buyer_reads), "{}", mails[0].text);
            assert!(mails[1].text.contains(seller_reads), "{}", mails[1].text);
            assert_eq!(mails[0].text.contains("NGN 11,175.00, is on its way back"), refund, "{}", mails[0].text);
            assert_eq!(mails[1].text.contains("money goes back"), refund, "{}", mails[1].text);
        }
    }

    #[tokio::test]
    async fn who_was_told_of_a_cancellation_is_told_of_the_money_that_came_too_late() {
        let shop = Shop::new().await;
        let lapsed = shop.event(shop.cancelled(CancelReason::Expired, false));
        let sold_out = shop.event(shop.cancelled(CancelReason::OutOfStock, true));
        for event in [&lapsed, &sold_out] {
            shop.handle(event).await.unwrap();
            let mails = shop.take_mails();
            assert_eq!(to(&mails), [BUYER, SELLER]);
        }
        for event in [&lapsed, &sold_out, &sold_out] {
            shop.handle(event).await.unwrap();
            assert!(shop.take_mails().is_empty());
        }
        let kinds: Vec<_> = shop.recorded().into_iter().map(|(kind, _)| kind).collect();
        assert_eq!(kinds, ["ORDER_CANCELLED", "ORDER_CANCELLED", "REFUND_INITIATED", "REFUND_INITIATED"]);
    }

    #[tokio::test]
    async fn each_of_the_rest_goes_to_whom_it_concerns() {
        let shop = Shop::new().await;
        let (store_id, order_id) = (shop.world.store.id, shop.order_id);
        let payment_id = shop.world.deps.id(PaymentId::from_ulid);
        let refund_id = shop.world.deps.id(RefundId::from_ulid);
        let amount = Money::new(1_117_500, Currency::Ngn);
        let onboarded = shop.event(TenantOnboarded {
            account_id: shop.world.deps.id(AccountId::from_ulid),
            store_id,
            email: "owner@example.com".into(),
            full_name: "Ada Obi".into(),
            tenant_name: "Ada".into(),
            store_name: "Ada's Books".into(),
            store_slug: "adas-books".into(),
        });
        let number = "7KQ2-M9XD".into();
        let customer = Shop::customer();
        let refunded = shop.event(OrderRefunded { store_id, order_id, number, customer, total: amount });
        let flagged = shop.event(PaymentFlagged {
            store_id,
            order_id,
            payment_id,
            provider: "paystack".into(),
            reference: format!("{payment_id}-1"),
            expected: amount,
            captured: Money::new(5, Currency::Usd),
        });
        let failed = shop.event(RefundFailed { store_id, order_id, payment_id, refund_id, amount });
        for (event, recipient, says) in [
            (onboarded, "owner@example.com", "adas-books.localhost"),
            (refunded, BUYER, "sent back to you in full"),
            (flagged, SELLER, "NGN 11,175.00 was asked, and USD 0.05 came"),
            (failed, SELLER, "refund of NGN 11,175.00"),
        ] {
            shop.handle(&event).await.unwrap();
            let mails = shop.take_mails();
            assert_eq!(to(&mails), [recipient]);
            assert!(mails[0].text.contains(says), "{}", mails[0].text);
        }
        let kinds: Vec<_> = shop.recorded().into_iter().map(|(kind, _)| kind).collect();
        assert_eq!(kinds, ["ACCOUNT_ONBOARDING", "PAYMENT_FLAGGED", "REFUND_COMPLETED", "REFUND_FAILED"]);
    }

    #[tokio::test]
    async fn deliveries_and_returns_are_told() {
        let shop = Shop::new().await;
        let (store_id, order_id, number) = (shop.world.store.id, shop.order_id, "7KQ2-M9XD".to_owned());
        let return_id = shop.world.deps.id(ReturnId::from_ulid);
        let customer = Shop::customer;
        let dispatched = |dispatch: u32| {
            let tracking = Some(Tracking { courier: "GIG".into(), number: "204-118".into() });
            let (number, note) = (number.clone(), Some("Mind the rain".into()));
            shop.event(OrderDispatched { store_id, order_id, number, customer: customer(), dispatch, tracking, note })
        };
        let delivered =
            shop.event(OrderDelivered { store_id, order_id, number: number.clone(), customer: customer(), note: None });
        let (lines, reason) = (shop.confirmed().lines, "The cover is torn".to_owned());
        let asked = shop.event(ReturnRequested {
            store_id,
            order_id,
            return_id,
            number: number.clone(),
            customer: customer(),
            lines,
            reason,
        });
        let note = Some("It was read".into());
        let rejected = shop.event(ReturnRejected {
            store_id,
            order_id,
            return_id,
            number: number.clone(),
            customer: customer(),
            note,
        });
        for (event, recipient, says) in [
            (
                dispatched(1),
                BUYER,
                vec!["has been sent.", "with GIG, number 204-118", "The shop writes: Mind the rain"],
            ),
            (dispatched(2), BUYER, vec!["has been sent again."]),
            (delivered, BUYER, vec!["has been delivered"]),
            (asked, SELLER, vec!["2 x Things Fall Apart", "The cover is torn", BUYER]),
            (rejected, BUYER, vec!["does not take back", "It was read"]),
        ] {
            for times in [1, 0] {
                shop.handle(&event).await.unwrap();
                let mails = shop.take_mails();
                assert_eq!(to(&mails), [recipient; 1][..times]);
                for (mail, part) in mails.iter().flat_map(|mail| says.iter().map(move |part| (mail, part))) {
                    assert!(mail.text.contains(part) && mail.html.contains(part), "{part}: {}", mail.text);
                }
            }
        }
        let kinds: Vec<_> = shop.recorded().into_iter().map(|(kind, _)| kind).collect();
        let expected =
            ["ORDER_DELIVERED", "ORDER_DISPATCHED", "ORDER_DISPATCHED", "RETURN_REJECTED", "RETURN_REQUESTED"];
        assert_eq!(kinds, expected);
    }

    #[tokio::test]
    async fn the_buyer_is_told_each_part_that_goes_back_and_the_order_tells_of_all() {
        let shop = Shop::new().await;
        let payment_id = shop.world.deps.id(PaymentId::from_ulid);
        let refunded = |amount_minor: i64, settles: bool| {
            shop.event(RefundCompleted {
                store_id: shop.world.store.id,
                order_id: shop.order_id,
                payment_id,
                refund_id: shop.world.deps.id(RefundId::from_ulid),
                amount: Money::new(amount_minor, Currency::Ngn),
                settles,
            })
        };
        let early = shop.handle(&refunded(150_000, false)).await;
        assert!(matches!(early, Err(StepError::Retry(_))), "whose it is, the order says");
        shop.write_order().await;
        for (minor, amount) in [(150_000, "NGN 1,500.00"), (50_000, "NGN 500.00")] {
            let event = refunded(minor, false);
            shop.handle(&event).await.unwrap();
            shop.handle(&event).await.unwrap();
            let mails = shop.take_mails();
            assert_eq!(to(&mails), [BUYER]);
            assert!(mails[0].subject.contains("7KQ2-M9XD") && mails[0].text.contains(amount), "{}", mails[0].text);
        }
        shop.handle(&refunded(1_117_500, true)).await.unwrap();
        assert!(shop.take_mails().is_empty());
    }

    #[tokio::test]
    async fn what_nobody_is_told_of_and_what_cannot_be_read_are_dead_letters_without_an_address() {
        let shop = Shop::new().await;
        for event_type in [OrderCreated::TYPE, OrderCancelled::TYPE] {
            let mut event = shop.sent(shop.confirmed());
            event.r#type = event_type.to_owned();
            assert!(!shop.comes_again(&event, 1, event.time).await);
            let [dead] = shop.world.aws.take_sent().try_into().unwrap();
            let reason = dead.reason.unwrap();
            assert!(reason.starts_with("poison") && reason.contains(event_type), "{reason}");
            assert!(!reason.contains(BUYER), "{reason}");
        }
        assert!(shop.take_mails().is_empty());
    }

    #[tokio::test]
    async fn another_tenants_store_is_not_found() {
        let shop = Shop::new().await;
        let neighbour = shop.world.neighbour().await;
        let event = shop.event(OrderConfirmed { store_id: neighbour.store.id, ..shop.confirmed() });
        assert!(matches!(shop.handle(&event).await, Err(StepError::Retry(_))));
        assert!(shop.take_mails().is_empty());
    }
}
