//! `POST /orders`: turns the cart into an order and reserves its stock, or changes nothing.
//!
//! Two batched reads (cart and store, then the products and the coupon) and one transaction. If the coupon changed in
//! between, all of it is done again.

use std::collections::{BTreeSet, HashMap};

use contracts::{
    events::{LineQuantity, OrderCreated},
    http::FieldError,
    orders::{Expire, Order as OrderView, Place, PlaceOrder},
    problems::{self, COUPON_NOT_APPLICABLE, Code, DISCONTINUED, OUT_OF_STOCK, PRICE_CHANGED, coupon_problem},
};
use domain::{
    Money, OrderId, ProductId, Timestamp,
    cart::Cart,
    catalog::Product,
    coupon::{AppliedCoupon, Coupon, CouponError, CustomerUses, Redemption, RedemptionState},
    order::{Customer, Order, OrderLine, OrderState, OrderStatus, client_of, order_number},
    pricing::totals,
    reservation::{Reservation, ReservedLine},
    stock::Stock,
    store::{Store, StoreStatus},
    time::after,
};
use runtime::{Call, Deps, Granted, Outcome, Problem, Reply, Tries, Try, http::Committed, retry};
use store::{Op, Refused, TimelineEntry, Tx, Versioned, keys};

pub async fn handle(deps: &Granted<Place>, call: Call<Place>) -> Outcome<Place> {
    retry!(Tries::FEW_RIVALS, {
        let draft = decide(deps, &call).await?;
        match commit(deps, &call, draft).await? {
            Some(reply) => Try::Done(reply),
            None => Try::Lost,
        }
    })
}

/// The order to be written, and the cart and coupon that it was built from.
pub(crate) struct Draft {
    pub(crate) order: Order,
    cart: Versioned<Cart>,
    coupon: Option<CouponInUse>,
}

/// The coupon in the cart, and how often this customer has used it.
struct CouponInUse {
    coupon: Coupon,
    customer: CustomerUses,
    /// Version of the stored [`CustomerUses`]; `None` if this customer has not used the coupon before.
    version: Option<u64>,
}

pub(crate) async fn decide(deps: &Deps, call: &Call<Place>) -> Result<Draft, Problem> {
    let (cart, store) = read_cart_and_store(deps, call).await?;
    let delivery = check_choices(&call.body, &store)?;
    let (products, coupon) = read_products_and_coupon(deps, call, &cart.value).await?;
    let lines = price_lines(&cart.value, &store, &products)?;
    let order = build(deps, call, &store, delivery, lines, coupon.as_ref())?;
    Ok(Draft { order, cart, coupon })
}

/// Writes the order. `None` if the coupon changed since it was read; the caller decides again and retries.
pub(crate) async fn commit(deps: &Deps, call: &Call<Place>, draft: Draft) -> Result<Option<Reply<Place>>, Problem> {
    let Draft { order, cart, coupon } = draft;
    let mut tx = deps.tx();
    let parts = write(deps, call, &mut tx, &order, cart, coupon)?;
    let reply = Reply::new(&OrderView::new(order.clone(), 1)).etag(1);
    match call.commit(deps, tx, reply).await? {
        Committed::Done(reply) => Ok(Some(reply)),
        Committed::Refused(refused) => explain(&refused, &parts, &order)?.map_or(Ok(None), Err),
    }
}

async fn read_cart_and_store(deps: &Deps, call: &Call<Place>) -> Result<(Versioned<Cart>, Store), Problem> {
    let at = call.store()?;
    let cart_key = keys::cart(at.tenant_id, at.store_id, call.principal()?.account_id);
    let store_key = keys::store(at.tenant_id, at.store_id);
    let mut found = deps.db.batch_get(&[cart_key.clone(), store_key.clone()]).await?;
    // The status is checked again: the request was let in on a cached status, which may be some seconds old.
    let store = found.take::<Store>(&store_key)?.filter(|store| store.value.status == StoreStatus::Active);
    let store = store.ok_or_else(|| Problem::new(&problems::STORE_NOT_FOUND, "there is no such store"))?;
    let cart = found.take::<Cart>(&cart_key)?;
    let cart = cart.map(|cart| Versioned { value: cart.value.open(deps.now()), ..cart });
    match cart.filter(|cart| !cart.value.lines.is_empty()) {
        Some(cart) => Ok((cart, store.value)),
        None => Err(Problem::new(&problems::CART_EMPTY, "the cart is empty")),
    }
}

/// How the order gets to the buyer and how it is paid.
struct Delivery {
    shipping: Money,
    payment_provider: String,
}

/// Checks what the buyer chose against what the store offers.
fn check_choices(body: &PlaceOrder, store: &Store) -> Result<Delivery, Problem> {
    let mut errors = vec![];
    let mut error = |pointer: &str, code: &str, detail: &str| {
        errors.push(FieldError { pointer: pointer.into(), code: code.into(), detail: detail.into() });
    };
    let mut shipping = Money::zero(store.currency);
    match (&body.shipping_method, store.shipping_methods.is_empty()) {
        (None, true) => {}
        (None, false) => error("/shipping_method", "missing", "choose one of the store's shipping methods"),
        (Some(id), _) => match store.shipping_methods.iter().find(|method| method.id == *id) {
            Some(method) => shipping = method.rate,
            None => error("/shipping_method", "unknown", "the store has no such shipping method"),
        },
    }
    if !store.shipping_methods.is_empty() && body.shipping_address.is_none() {
        error("/shipping_address", "missing", "the store ships: an address is needed");
    }
    let chosen = body.payment_method.as_ref().or(store.payment_methods.first());
    if !chosen.is_some_and(|method| store.payment_methods.contains(method)) {
        error("/payment_method", "unknown", "the store has no such payment method");
    }
    if errors.is_empty() {
        Ok(Delivery { shipping, payment_provider: chosen.cloned().unwrap_or_default() })
    } else {
        Err(Problem::invalid(errors))
    }
}

async fn read_products_and_coupon(
    deps: &Deps,
    call: &Call<Place>,
    cart: &Cart,
) -> Result<(HashMap<ProductId, Product>, Option<CouponInUse>), Problem> {
    let at = call.store()?;
    let ids: BTreeSet<ProductId> = cart.lines.iter().map(|line| line.product_id).collect();
    let mut wanted: Vec<_> = ids.iter().map(|id| keys::product(at.tenant_id, *id)).collect();
    let coupon_keys = cart.coupon.as_ref().map(|chosen| {
        let email = Customer::from(call.body.customer.clone()).email;
        let customer = keys::coupon_customer(at.tenant_id, chosen.coupon_id, &email);
        (keys::coupon(at.tenant_id, at.store_id, chosen.coupon_id), customer, email)
    });
    wanted.extend(coupon_keys.iter().flat_map(|(coupon, customer, _)| [coupon.clone(), customer.clone()]));
    let mut found = deps.db.batch_get(&wanted).await?;
    let mut products = HashMap::new();
    for (id, key) in ids.into_iter().zip(&wanted) {
        if let Some(product) = found.take::<Product>(key)? {
            products.insert(id, product.value);
        }
    }
    let Some((coupon, customer, email)) = coupon_keys else { return Ok((products, None)) };
    let coupon = found.take::<Coupon>(&coupon)?.map(|coupon| coupon.value).ok_or_else(|| {
        Problem::new(&COUPON_NOT_APPLICABLE, "the store does not have the coupon in the cart any more")
    })?;
    let uses = found.take::<CustomerUses>(&customer)?;
    let version = uses.as_ref().map(|uses| uses.version);
    let customer = uses.map_or_else(|| CustomerUses::none(coupon.id, email, deps.now()), |uses| uses.value);
    Ok((products, Some(CouponInUse { coupon, customer, version })))
}

/// The lines at today's prices. The error names every line that is no longer sold, or not at the price the buyer saw.
fn price_lines(cart: &Cart, store: &Store, products: &HashMap<ProductId, Product>) -> Result<Vec<OrderLine>, Problem> {
    let (mut lines, mut errors) = (vec![], vec![]);
    for line in &cart.lines {
        let pointer = format!("/lines/{}", line.variant_id);
        let mut error = |code: &Code, detail: String| {
            errors.push(FieldError { pointer: pointer.clone(), code: code.name.into(), detail });
        };
        let product = products.get(&line.product_id);
        let product = product.filter(|product| product.is_on_sale() && product.store_id == store.id);
        let Some((product, variant)) = product.and_then(|product| Some((product, product.variant(line.variant_id)?)))
        else {
            error(&DISCONTINUED, "this is no longer sold".into());
            continue;
        };
        if variant.price.currency != store.currency {
            error(&DISCONTINUED, "this is not sold in the store's currency".into());
            continue;
        }
        if variant.price != line.unit_price {
            error(&PRICE_CHANGED, format!("{} costs {} now, not {}", product.name, variant.price, line.unit_price));
            continue;
        }
        lines.push(OrderLine {
            product_id: product.id,
            variant_id: variant.id,
            title: format!("{} – {}", product.name, variant.name),
            sku: variant.sku.clone(),
            image_url: product.images.first().map(|image| image.url.clone()),
            unit_price: variant.price,
            quantity: line.quantity,
            line_total: variant.price.checked_mul(line.quantity).map_err(too_large)?,
        });
    }
    if errors.is_empty() { Ok(lines) } else { Err(lines_problem(errors)) }
}

fn build(
    deps: &Deps,
    call: &Call<Place>,
    store: &Store,
    delivery: Delivery,
    lines: Vec<OrderLine>,
    coupon: Option<&CouponInUse>,
) -> Result<Order, Problem> {
    let now = deps.now();
    let subtotal = Money::sum(store.currency, lines.iter().map(|line| line.line_total)).map_err(too_large)?;
    let coupon = coupon.map(|used| apply(used, subtotal, now)).transpose()?;
    let discount = coupon.as_ref().map_or(Money::zero(store.currency), |applied| applied.discount);
    let totals = totals(subtotal, discount, delivery.shipping, store.tax).map_err(too_large)?;
    if totals.total.is_zero() {
        return Err(Problem::new(&problems::NOTHING_TO_PAY, "an order has to cost something"));
    }
    let body = &call.body;
    Ok(Order {
        id: deps.id(OrderId::from_ulid),
        store_id: store.id,
        number: order_number(deps.random()),
        buyer_id: call.principal()?.account_id,
        customer: body.customer.clone().into(),
        shipping_address: body.shipping_address.clone().map(Into::into),
        shipping_method: body.shipping_method.clone(),
        payment_provider: delivery.payment_provider,
        note: body.note.clone(),
        lines,
        totals,
        coupon,
        state: OrderState::Pending,
        placed_at: now,
        expires_at: after(now, i64::from(store.payment_window_s)),
        payment_window_s: store.payment_window_s,
        updated_at: now,
        fulfilment: None,
        returns: vec![],
        client: Some(client_of(store.id, &call.raw.source_ip)),
    })
}

fn apply(used: &CouponInUse, subtotal: Money, now: Timestamp) -> Result<AppliedCoupon, Problem> {
    let CouponInUse { coupon, customer, .. } = used;
    let refuse = |error: CouponError| Problem::new(coupon_problem(&error), error.to_string());
    let discount = coupon.off(subtotal, now).map_err(refuse)?;
    coupon.is_open_to(customer.uses).map_err(refuse)?;
    Ok(AppliedCoupon { coupon_id: coupon.id, code: coupon.code.clone(), discount })
}

/// The operations of the transaction whose refusal is explained to the buyer.
struct Parts {
    cart: Op,
    stock: Vec<Op>,
    holders: Vec<Op>,
}

fn write(
    deps: &Deps,
    call: &Call<Place>,
    tx: &mut Tx,
    order: &Order,
    cart: Versioned<Cart>,
    coupon: Option<CouponInUse>,
) -> Result<Parts, Problem> {
    let (tenant, now) = (call.store()?.tenant_id, order.placed_at);
    tx.create(tenant, order);
    tx.create(
        tenant,
        &TimelineEntry {
            order_id: order.id,
            buyer_id: order.buyer_id,
            order_version: 1,
            status: OrderStatus::Pending,
            event: <OrderCreated as contracts::events::Event>::TYPE.into(),
            at: now,
        },
    );
    let reserved = order.lines.iter().map(|line| ReservedLine { variant_id: line.variant_id, quantity: line.quantity });
    tx.create(tenant, &Reservation::hold(order.id, order.store_id, reserved.collect(), now));
    let stock = order.lines.iter().map(|line| tx.reserve_stock(tenant, line.variant_id, line.quantity, now)).collect();
    let holders = order.holders();
    let holders = holders.iter().map(|holder| tx.hold(tenant, order.store_id, holder, order.units(), now)).collect();
    if let Some(CouponInUse { coupon, customer, version }) = coupon {
        tx.use_coupon(tenant, &coupon, now);
        let redemption = Redemption {
            order_id: order.id,
            store_id: order.store_id,
            coupon_id: coupon.id,
            email: customer.email.clone(),
            state: RedemptionState::Held,
            redeemed_at: now,
            updated_at: now,
        };
        tx.create(tenant, &redemption);
        tx.save(tenant, &customer.once_more(now), version);
    }
    tx.set_timer::<Expire>(deps.timer(&call.cause, tenant, order.id, order.expires_at));
    let cart = tx.update(tenant, &cart.value.ordered(order.id, now), cart.version);
    tx.emit(&deps.event(
        &call.cause,
        tenant,
        order.id,
        1,
        OrderCreated {
            store_id: order.store_id,
            order_id: order.id,
            number: order.number.clone(),
            buyer_id: order.buyer_id,
            customer: order.customer.clone(),
            lines: order.lines.iter().map(LineQuantity::from).collect(),
            total: order.totals.total,
            payment_provider: order.payment_provider.clone(),
            expires_at: order.expires_at,
            payment_window_s: Some(order.payment_window_s),
        },
    ));
    Ok(Parts { cart, stock, holders })
}

/// The problem that tells the buyer why the transaction was refused: the cart changed, some lines are out of stock, or
/// too much is unpaid already.
/// `None` if only the coupon was the reason: its terms changed, or somebody used it since it was read.
fn explain(refused: &Refused, parts: &Parts, order: &Order) -> Result<Option<Problem>, Problem> {
    if refused.contains(parts.cart) {
        return Ok(Some(Problem::new(
            &problems::CART_CHANGED,
            "the cart changed while it was ordered; look at it and try again",
        )));
    }
    let mut errors = vec![];
    for (op, line) in parts.stock.iter().zip(&order.lines) {
        if refused.contains(*op) {
            let available = refused.found::<Stock>(*op)?.map_or(0, |stock| stock.value.available);
            errors.push(FieldError {
                pointer: format!("/lines/{}", line.variant_id),
                code: OUT_OF_STOCK.name.into(),
                detail: format!("{}: {} wanted, {available} available", line.title, line.quantity),
            });
        }
    }
    if !errors.is_empty() {
        return Ok(Some(lines_problem(errors)));
    }
    let is_too_much = parts.holders.iter().any(|op| refused.contains(*op));
    Ok(is_too_much.then(|| {
        let detail = "too much waits to be paid already: pay or cancel an order, or wait until one lapses";
        Problem::new(&problems::TOO_MUCH_UNPAID, detail)
    }))
}

fn lines_problem(errors: Vec<FieldError>) -> Problem {
    Problem::new(&problems::LINES_UNAVAILABLE, "some lines cannot be ordered as they are; nothing was ordered")
        .with_errors(errors)
}

fn too_large(error: domain::MoneyError) -> Problem {
    Problem::new(&problems::TOTAL_TOO_LARGE, error.to_string())
}

#[cfg(test)]
mod tests {
    use contracts::table::Table;
    use domain::{
        catalog::ProductStatus,
        reservation::ReservationState,
        store::{ShippingMethod, Tax},
    };
    use runtime::Principal;
    use serde_json::json;
    use store::StoreClaim;
    use testing::{TestRequest, World, http::Answer};

    use super::*;
    use crate::fixtures::{another_buyer, events_of, everything, fill_cart, order_of, place_request, stock_of};

    async fn place(world: &World, buyer: &Principal, key: &str) -> Answer {
        place_request(world, buyer, key).send(&world.deps, handle).await
    }

    fn line(product: &Product) -> String {
        format!("/lines/{}", product.variants[0].id)
    }

    async fn change_product(world: &World, product: &Product, change: impl FnOnce(&mut Product)) {
        let mut changed = product.clone();
        change(&mut changed);
        let mut tx = world.deps.tx();
        tx.update(world.tenant, &changed, 1);
        world.deps.db.commit(tx).await.unwrap();
    }

    async fn change_store(world: &mut World, change: impl FnOnce(&mut Store)) {
        change(&mut world.store);
        let mut tx = world.deps.tx();
        tx.update(world.tenant, &world.store, 1);
        world.deps.db.commit(tx).await.unwrap();
    }

    fn amounts(totals: &domain::pricing::Totals) -> [i64; 5] {
        let domain::pricing::Totals { subtotal, discount, shipping, tax, total } = totals;
        [subtotal, discount, shipping, tax, total].map(|money| money.amount_minor)
    }

    #[tokio::test]
    async fn turns_the_cart_into_an_order_in_two_reads_and_one_transaction() {
        let world = World::new().await;
        let (book, _) = world.product("Book", 150_000, 10).await;
        let (pen, _) = world.product("Pen", 5_000, 3).await;
        assert_eq!(place(&world, &world.buyer, "early").await.problem(), (409, "cart_empty".into()));
        fill_cart(&world, &world.buyer, &[(&book, 2), (&pen, 3)]).await;
        world.dynamo.take_calls();

        let answer = place(&world, &world.buyer, "k").await;
        let calls = world.dynamo.take_calls();
        assert_eq!(calls, [("BatchGetItem".to_owned(), 2), ("TransactWriteItems".to_owned(), 1)].into());
        assert_eq!((answer.status(), answer.0.header("etag")), (201, Some("\"1\"")));
        let order: OrderView = answer.ok();
        // Goods for NGN 3,150 and shipping for NGN 500. The total includes 7.5 % tax.
        assert_eq!(amounts(&order.totals), [315_000, 0, 50_000, 25_465, 365_000]);
        assert_eq!((order.status, order.version), (OrderStatus::Pending, 1));
        assert_eq!((order.customer.email.as_str(), order.payment_method.as_str()), ("chinua@example.com", "paystack"));
        assert_eq!(order.expires_at, after(order.placed_at, 900));
        let lines: Vec<_> = order.lines.iter().map(|line| (line.title.as_str(), line.quantity)).collect();
        assert_eq!(lines, [("Book – Default", 2), ("Pen – Default", 3)]);

        let pens = stock_of(&world, &pen).await;
        assert_eq!((pens.on_hand, pens.reserved, pens.available), (3, 3, 0));
        let key = keys::reservation(world.tenant, order.id);
        let held: Versioned<Reservation> = world.deps.db.get(&key).await.unwrap().unwrap();
        assert_eq!((held.value.state, held.value.lines.len()), (ReservationState::Held, 2));
        let [created] = events_of(&world, order.id).try_into().unwrap();
        assert_eq!((created.r#type.as_str(), created.version), ("ORDER_CREATED", 1));
        assert_eq!(
            (created.correlation_id.as_str(), &created.data["total"]["amount_minor"]),
            ("req-1", &365_000.into())
        );
        let key = keys::timeline_entry(world.tenant, order.id, 1);
        let placed: Versioned<TimelineEntry> = world.deps.db.get(&key).await.unwrap().unwrap();
        assert_eq!((placed.value.event.as_str(), placed.value.status), ("ORDER_CREATED", OrderStatus::Pending));
        assert_eq!(place(&world, &world.buyer, "k2").await.problem(), (409, "cart_empty".into()));
    }

    #[tokio::test]
    async fn tax_that_prices_do_not_include_is_added() {
        let mut world = World::new().await;
        change_store(&mut world, |store| store.tax = Tax { rate_basis_points: 750, inclusive: false }).await;
        let (book, _) = world.product("Book", 199, 10).await;
        let order = order_of(&world, &world.buyer, &book, 3).await;
        // 7.5 % of 50,597 is 3,794.775.
        assert_eq!(amounts(&order.totals), [597, 0, 50_000, 3_795, 54_392]);
    }

    #[tokio::test]
    async fn an_order_that_costs_nothing_is_none() {
        let mut world = World::new().await;
        change_store(&mut world, |store| {
            let free = Money::zero(store.currency);
            store.shipping_methods = vec![ShippingMethod { rate: free, ..store.shipping_methods[0].clone() }];
        })
        .await;
        let (gift, _) = world.product("Gift", 0, 10).await;
        fill_cart(&world, &world.buyer, &[(&gift, 1)]).await;
        let before = everything(&world);
        assert_eq!(place(&world, &world.buyer, "k").await.problem(), (409, "nothing_to_pay".into()));
        assert_eq!(everything(&world), before);
    }

    #[tokio::test]
    async fn lines_that_are_out_of_stock_are_named_and_nothing_happens() {
        let world = World::new().await;
        let (book, _) = world.product("Book", 150_000, 10).await;
        let (pen, _) = world.product("Pen", 5_000, 0).await;
        let (cup, _) = world.product("Cup", 9_000, 5).await;
        fill_cart(&world, &world.buyer, &[(&book, 11), (&cup, 5), (&pen, 1)]).await;
        let before = everything(&world);
        let answer = place(&world, &world.buyer, "k").await;
        assert_eq!(answer.problem(), (409, "lines_unavailable".into()));
        assert_eq!(answer.fields(), [(line(&book), OUT_OF_STOCK.name.into()), (line(&pen), OUT_OF_STOCK.name.into())]);
        assert_eq!(answer.json()["errors"][0]["detail"], "Book – Default: 11 wanted, 10 available");
        assert_eq!(answer.json()["errors"][1]["detail"], "Pen – Default: 1 wanted, 0 available");
        assert_eq!(everything(&world), before);

        // A refusal is not stored under the key: the same key succeeds once the cart asks for no more than there is.
        fill_cart(&world, &world.buyer, &[(&book, 10), (&cup, 5)]).await;
        assert_eq!(place(&world, &world.buyer, "k").await.status(), 201);
    }

    #[tokio::test]
    async fn what_is_sold_no_longer_or_at_another_price_is_named_and_nothing_happens() {
        let world = World::new().await;
        let mut products = vec![];
        for name in ["Dearer", "Archived", "Without variant", "Fine"] {
            products.push(world.product(name, 1_000, 10).await.0);
        }
        let [dearer, archived, bare, fine] = products.try_into().unwrap();
        fill_cart(&world, &world.buyer, &[(&dearer, 1), (&archived, 1), (&bare, 1), (&fine, 1)]).await;
        change_product(&world, &dearer, |product| product.variants[0].price.amount_minor = 1_001).await;
        change_product(&world, &archived, |product| product.status = ProductStatus::Archived).await;
        change_product(&world, &bare, |product| product.variants.clear()).await;
        let before = everything(&world);
        let answer = place(&world, &world.buyer, "k").await;
        assert_eq!(answer.problem(), (409, "lines_unavailable".into()));
        let expected = [(&dearer, PRICE_CHANGED.name), (&archived, DISCONTINUED.name), (&bare, DISCONTINUED.name)];
        assert_eq!(answer.fields(), expected.map(|(product, code)| (line(product), code.to_owned())));
        assert_eq!(everything(&world), before);
    }

    #[tokio::test]
    async fn a_cart_that_has_expired_is_empty() {
        let world = World::new().await;
        let (book, _) = world.product("Book", 150_000, 10).await;
        fill_cart(&world, &world.buyer, &[(&book, 1)]).await;
        world.clock.advance_s(domain::limits::CART_TTL_S);
        assert_eq!(place(&world, &world.buyer, "k").await.problem(), (409, "cart_empty".into()));
    }

    /// Like [`handle`], but another request of the same buyer changes the cart between reading and writing.
    async fn with_the_cart_changed_in_between(deps: &Granted<Place>, call: Call<Place>) -> Outcome<Place> {
        let draft = decide(deps, &call).await?;
        let mut tx = deps.tx();
        tx.update(call.tenant()?, &draft.cart.value.clone().clear(deps.now()), draft.cart.version);
        deps.db.commit(tx).await?;
        commit(deps, &call, draft).await?.ok_or_else(Problem::busy)
    }

    #[tokio::test]
    async fn a_cart_that_changes_while_it_is_ordered_is_not_ordered() {
        let world = World::new().await;
        let (book, _) = world.product("Book", 150_000, 10).await;
        fill_cart(&world, &world.buyer, &[(&book, 1)]).await;
        let request = place_request(&world, &world.buyer, "k");
        let answer = request.send(&world.deps, with_the_cart_changed_in_between).await;
        assert_eq!(answer.problem(), (409, "cart_changed".into()));
        assert_eq!(world.dynamo.items(Table::Orders), [] as [serde_json::Value; 0]);
        assert_eq!(stock_of(&world, &book).await.reserved, 0);
    }

    /// SQS refuses messages that contain such a character, so an event with it would reach no queue.
    #[tokio::test]
    async fn a_character_that_sqs_refuses_gets_into_no_order() {
        let world = World::new().await;
        let (book, _) = world.product("Book", 150_000, 10).await;
        fill_cart(&world, &world.buyer, &[(&book, 1)]).await;
        let customer = json!({ "name": "Chinua\u{FFFF}", "email": "chinua@example.com" });
        let request =
            place_request(&world, &world.buyer, "k").json(json!({ "customer": customer, "note": "\u{FFFE}" }));
        let fields: Vec<_> =
            request.send(&world.deps, handle).await.fields().into_iter().map(|(field, _)| field).collect();
        assert_eq!(fields, ["/customer/name", "/note"]);
        let traceparent = format!("00-{}-01", "\u{FFFF}".repeat(16) + "x");
        assert_eq!(traceparent.len(), 55);
        let request = place_request(&world, &world.buyer, "k").header("traceparent", traceparent);
        assert_eq!(request.send(&world.deps, handle).await.status(), 201);
        assert!(!world.dynamo.items(Table::Outbox)[0].to_string().contains('\u{FFFF}'));
    }

    #[tokio::test]
    async fn what_the_store_does_not_offer_is_told_all_at_once() {
        let world = World::new().await;
        let (book, _) = world.product("Book", 150_000, 10).await;
        fill_cart(&world, &world.buyer, &[(&book, 1)]).await;
        let customer = json!({ "name": "Chinua", "email": "chinua@example.com" });
        let ask = |body| place_request(&world, &world.buyer, "k").json(body).send(&world.deps, handle);
        let nothing = ask(json!({ "customer": customer })).await;
        let missing = |field: &str| (field.to_owned(), "missing".to_owned());
        assert_eq!(nothing.problem(), (422, "invalid_fields".into()));
        assert_eq!(nothing.fields(), [missing("/shipping_method"), missing("/shipping_address")]);
        let others = json!({ "customer": customer, "shipping_method": "drone", "payment_method": "cowries" });
        let unknown = |field: &str| (field.to_owned(), "unknown".to_owned());
        assert_eq!(
            ask(others).await.fields(),
            [unknown("/shipping_method"), missing("/shipping_address"), unknown("/payment_method")]
        );
    }

    #[tokio::test]
    async fn a_repetition_gets_the_same_answer_and_no_second_order() {
        let world = World::new().await;
        let (book, _) = world.product("Book", 150_000, 10).await;
        fill_cart(&world, &world.buyer, &[(&book, 1)]).await;
        let first = place(&world, &world.buyer, "k").await;
        assert_eq!(first.status(), 201);
        fill_cart(&world, &world.buyer, &[(&book, 2)]).await;
        let before = everything(&world);
        world.clock.advance_s(domain::limits::IDEMPOTENCY_TTL_S - 1);

        let again = place(&world, &world.buyer, "k").await;
        assert_eq!((again.status(), &again.0.body), (201, &first.0.body));
        assert_eq!(again.0.header("etag"), first.0.header("etag"));
        assert_eq!(again.0.header("idempotent-replayed"), Some("true"));
        let other = place_request(&world, &world.buyer, "k").json(json!({
            "customer": { "name": "Somebody else", "email": "chinua@example.com" },
            "shipping_address": { "full_name": "C", "address": "1", "city": "Enugu", "country": "NG" },
            "shipping_method": "standard",
        }));
        let reused = other.send(&world.deps, handle).await;
        assert_eq!(reused.problem(), (422, "idempotency_key_reused".into()));
        assert_eq!(everything(&world), before);

        // Another buyer can use the same key, and a key expires.
        let somebody = another_buyer(&world);
        fill_cart(&world, &somebody, &[(&book, 1)]).await;
        assert_ne!(place(&world, &somebody, "k").await.ok::<OrderView>().id, first.ok::<OrderView>().id);
        world.clock.advance_s(1);
        assert_ne!(place(&world, &world.buyer, "k").await.ok::<OrderView>().id, first.ok::<OrderView>().id);
    }

    #[tokio::test]
    async fn a_key_is_bound_to_the_store_however_that_is_named() {
        let world = World::new().await;
        let (book, _) = world.product("Book", 150_000, 10).await;
        world.branch("adas-shoes").await;
        fill_cart(&world, &world.buyer, &[(&book, 1)]).await;
        let body = place_request(&world, &world.buyer, "k").into_raw().body;
        let named = |name: &str, value: &str| {
            let request = TestRequest::new().by(&world.buyer).key("k").body(body.clone()).header(name, value);
            request.send(&world.deps, handle)
        };
        let first = named("host", "adas-books.localhost").await;
        assert_eq!(first.status(), 201);
        for (name, value) in [("x-store", world.store.slug.clone()), ("x-store", world.store.id.to_string())] {
            assert_eq!(named(name, &value).await.0.body, first.0.body);
        }
        let elsewhere = named("host", "adas-shoes.localhost").await;
        assert_eq!(elsewhere.problem(), (422, "idempotency_key_reused".into()));
    }

    #[tokio::test]
    async fn needs_an_idempotency_key() {
        let world = World::new().await;
        let asked = TestRequest::new().by(&world.buyer).store(&world.store.slug).json(json!({
            "customer": { "name": "Chinua", "email": "chinua@example.com" },
        }));
        assert_eq!(asked.send(&world.deps, handle).await.problem(), (400, "idempotency_key_missing".into()));
    }

    /// Sends all requests concurrently, from several threads.
    async fn all_at_once(world: &World, requests: impl IntoIterator<Item = TestRequest>) -> Vec<Answer> {
        let send = |request: TestRequest| {
            let deps = world.deps.clone();
            tokio::spawn(async move { request.send(&deps, handle).await })
        };
        let running: Vec<_> = requests.into_iter().map(send).collect();
        let mut answers = vec![];
        for answer in running {
            answers.push(answer.await.unwrap());
        }
        answers
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 8)]
    async fn fifty_calls_at_once_with_one_key_are_one_order() {
        let world = World::new().await;
        let (book, _) = world.product("Book", 150_000, 100).await;
        fill_cart(&world, &world.buyer, &[(&book, 1)]).await;
        let answers = all_at_once(&world, (0..50).map(|_| place_request(&world, &world.buyer, "k"))).await;
        for answer in &answers {
            assert_eq!((answer.status(), &answer.0.body), (201, &answers[0].0.body));
        }
        assert_eq!(stock_of(&world, &book).await.reserved, 1);
        assert_eq!(events_of(&world, answers[0].ok::<OrderView>().id).len(), 1);
        assert_eq!(world.dynamo.items(Table::Outbox).len(), 1);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 8)]
    async fn never_sells_more_than_there_is() {
        let world = World::new().await;
        let (book, _) = world.product("Book", 150_000, 10).await;
        let mut requests = vec![];
        for _ in 0..64 {
            let buyer = another_buyer(&world);
            fill_cart(&world, &buyer, &[(&book, 1)]).await;
            requests.push(place_request(&world, &buyer, "k"));
        }
        let answers = all_at_once(&world, requests).await;
        let refused: Vec<_> = answers.iter().filter(|answer| answer.status() != 201).collect();
        assert_eq!((answers.len() - refused.len(), refused.len()), (10, 54));
        for answer in refused {
            assert_eq!(answer.problem(), (409, "lines_unavailable".into()));
            assert_eq!(answer.fields(), [(line(&book), OUT_OF_STOCK.name.into())]);
        }
        let stock = stock_of(&world, &book).await;
        assert_eq!((stock.on_hand, stock.reserved, stock.available), (10, 10, 0));
        let mut held = 0;
        for answer in answers.iter().filter(|answer| answer.status() == 201) {
            let key = keys::reservation(world.tenant, answer.ok::<OrderView>().id);
            let reservation: Versioned<Reservation> = world.deps.db.get(&key).await.unwrap().unwrap();
            assert_eq!(reservation.value.state, ReservationState::Held);
            held += i64::from(reservation.value.lines[0].quantity);
        }
        assert_eq!(held, stock.reserved);
    }

    #[tokio::test]
    async fn a_store_that_is_not_open_takes_no_orders() {
        let mut world = World::new().await;
        let (book, _) = world.product("Book", 150_000, 10).await;
        assert_eq!(place(&world, &world.buyer, "early").await.problem(), (409, "cart_empty".into()));
        fill_cart(&world, &world.buyer, &[(&book, 1)]).await;
        change_store(&mut world, |store| store.status = StoreStatus::Suspended).await;
        // This process still has the store cached as open.
        assert_eq!(place(&world, &world.buyer, "k").await.problem(), (404, "store_not_found".into()));
        let claim = StoreClaim {
            name: world.store.slug.clone(),
            tenant_id: world.tenant,
            store_id: world.store.id,
            status: StoreStatus::Suspended,
            free_at: None,
        };
        let mut tx = world.deps.tx();
        tx.update((), &claim, 1);
        world.deps.db.commit(tx).await.unwrap();
        world.clock.advance_s(30);
        assert_eq!(place(&world, &world.buyer, "k").await.problem(), (404, "store_not_found".into()));
    }

    #[tokio::test]
    async fn tenants_do_not_meet() {
        let world = World::new().await;
        let neighbour = world.neighbour().await;
        let (theirs, _) = neighbour.product("Theirs", 150_000, 10).await;
        // To this tenant, another tenant's product in the cart is not on sale.
        fill_cart(&world, &world.buyer, &[(&theirs, 1)]).await;
        let before = everything(&world);
        let elsewhere = place_request(&neighbour, &world.buyer, "k").send(&world.deps, handle).await;
        assert_eq!(elsewhere.problem(), (403, "tenant_mismatch".into()));
        assert_eq!(place(&world, &world.buyer, "k").await.fields(), [(line(&theirs), DISCONTINUED.name.into())]);
        assert_eq!(place(&world, &world.owner, "k").await.problem(), (403, "forbidden".into()));
        assert_eq!(everything(&world), before);
    }
}
