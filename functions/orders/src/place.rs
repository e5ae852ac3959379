//! `POST /orders`: what is in the cart becomes an order, its stock reserved, or nothing happens.
//!
//! Two batched reads (cart and store, then the products) and one transaction.

use std::collections::{BTreeSet, HashMap};

use contracts::{
    events::{LineQuantity, OrderCreated},
    http::FieldError,
    orders::{DISCONTINUED, OUT_OF_STOCK, Order as OrderView, PRICE_CHANGED, Place, PlaceOrder},
};
use domain::{
    Money, OrderId, ProductId,
    cart::{Cart, totals},
    catalog::Product,
    order::{Order, OrderLine, OrderState, OrderStatus, order_number},
    reservation::{Reservation, ReservedLine},
    stock::Stock,
    store::{Store, after},
};
use runtime::{Call, Deps, Outcome, Problem, Reply, http::Committed};
use store::{Op, Refused, TimelineEntry, Tx, Versioned, keys};

pub async fn handle(deps: &Deps, call: Call<Place>) -> Outcome<Place> {
    let (cart, store) = read_cart_and_store(deps, &call).await?;
    let delivery = check_choices(&call.body, &store)?;
    let products = read_products(deps, &call, &cart.value).await?;
    let lines = price_lines(&cart.value, &products)?;
    let order = build(deps, &call, &store, delivery, lines)?;

    let mut tx = deps.tx();
    let parts = write(deps, &call, &mut tx, &order, cart)?;
    let reply = Reply::new(&OrderView::new(order.clone(), 1)).etag(1);
    match call.commit(deps, tx, reply).await? {
        Committed::Done(reply) => Ok(reply),
        Committed::Refused(refused) => Err(explain(&refused, &parts, &order)?),
    }
}

async fn read_cart_and_store(deps: &Deps, call: &Call<Place>) -> Result<(Versioned<Cart>, Store), Problem> {
    let at = call.store()?;
    let cart_key = keys::cart(at.tenant_id, at.store_id, call.principal()?.account_id);
    let store_key = keys::store(at.tenant_id, at.store_id);
    let mut found = deps.db.batch_get(&[cart_key.clone(), store_key.clone()]).await?;
    let store = found.take::<Store>(&store_key)?.ok_or_else(Problem::not_found)?;
    let cart = found.take::<Cart>(&cart_key)?;
    let cart = cart.map(|cart| Versioned { value: cart.value.open(deps.now()), ..cart });
    match cart.filter(|cart| !cart.value.lines.is_empty()) {
        Some(cart) => Ok((cart, store.value)),
        None => Err(Problem::conflict("cart_empty", "the cart is empty")),
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

async fn read_products(deps: &Deps, call: &Call<Place>, cart: &Cart) -> Result<HashMap<ProductId, Product>, Problem> {
    let tenant = call.store()?.tenant_id;
    let ids: BTreeSet<ProductId> = cart.lines.iter().map(|line| line.product_id).collect();
    let product_keys: Vec<_> = ids.iter().map(|id| keys::product(tenant, *id)).collect();
    let mut found = deps.db.batch_get(&product_keys).await?;
    let mut products = HashMap::new();
    for (id, key) in ids.into_iter().zip(&product_keys) {
        if let Some(product) = found.take::<Product>(key)? {
            products.insert(id, product.value);
        }
    }
    Ok(products)
}

/// The lines at today's prices; or all that cannot be had at the price the buyer last saw.
fn price_lines(cart: &Cart, products: &HashMap<ProductId, Product>) -> Result<Vec<OrderLine>, Problem> {
    let (mut lines, mut errors) = (vec![], vec![]);
    for line in &cart.lines {
        let pointer = format!("/lines/{}", line.variant_id);
        let mut error = |code: &str, detail: String| {
            errors.push(FieldError { pointer: pointer.clone(), code: code.into(), detail });
        };
        let product = products.get(&line.product_id).filter(|product| product.is_on_sale());
        let Some((product, variant)) = product.and_then(|product| Some((product, product.variant(line.variant_id)?)))
        else {
            error(DISCONTINUED, "this is no longer sold".into());
            continue;
        };
        if variant.price != line.unit_price {
            error(PRICE_CHANGED, format!("{} costs {} now, not {}", product.name, variant.price, line.unit_price));
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
            line_total: variant.price.checked_mul(line.quantity).map_err(|error| too_large(error))?,
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
) -> Result<Order, Problem> {
    let now = deps.now();
    let line_totals = lines.iter().map(|line| line.line_total);
    let totals =
        totals(store.currency, line_totals, delivery.shipping, store.tax).map_err(|error| too_large(error))?;
    if totals.total.is_zero() {
        return Err(Problem::conflict("nothing_to_pay", "an order has to cost something"));
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
        state: OrderState::Pending,
        placed_at: now,
        expires_at: after(now, i64::from(store.payment_window_s)),
        updated_at: now,
    })
}

/// The parts of the transaction whose refusal means something to the buyer.
struct Parts {
    cart: Op,
    stock: Vec<Op>,
}

fn write(deps: &Deps, call: &Call<Place>, tx: &mut Tx, order: &Order, cart: Versioned<Cart>) -> Result<Parts, Problem> {
    let (tenant, now) = (call.store()?.tenant_id, order.placed_at);
    tx.create(tenant, order);
    tx.create(
        tenant,
        &TimelineEntry {
            order_id: order.id,
            order_version: 1,
            status: OrderStatus::Pending,
            event: <OrderCreated as contracts::events::Event>::TYPE.into(),
            at: now,
        },
    );
    let reserved = order.lines.iter().map(|line| ReservedLine { variant_id: line.variant_id, quantity: line.quantity });
    tx.create(tenant, &Reservation::hold(order.id, order.store_id, reserved.collect(), now));
    let stock = order.lines.iter().map(|line| tx.reserve_stock(tenant, line.variant_id, line.quantity, now)).collect();
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
            lines: line_quantities(order),
            total: order.totals.total,
            payment_provider: order.payment_provider.clone(),
            expires_at: order.expires_at,
        },
    ));
    Ok(Parts { cart, stock })
}

/// Tells the buyer why the transaction was refused: which lines, or that the cart changed under it.
fn explain(refused: &Refused, parts: &Parts, order: &Order) -> Result<Problem, Problem> {
    if refused.contains(parts.cart) {
        return Ok(Problem::conflict(
            "cart_changed",
            "the cart changed while it was ordered; look at it and try again",
        ));
    }
    let mut errors = vec![];
    for (op, line) in parts.stock.iter().zip(&order.lines) {
        if refused.contains(*op) {
            let available = refused.found::<Stock>(*op)?.map_or(0, |stock| stock.value.available);
            errors.push(FieldError {
                pointer: format!("/lines/{}", line.variant_id),
                code: OUT_OF_STOCK.into(),
                detail: format!("{}: {} wanted, {available} available", line.title, line.quantity),
            });
        }
    }
    Ok(lines_problem(errors))
}

fn lines_problem(errors: Vec<FieldError>) -> Problem {
    Problem::conflict("lines_unavailable", "some lines cannot be ordered as they are; nothing was ordered")
        .with_errors(errors)
}

fn too_large(error: domain::MoneyError) -> Problem {
    Problem::conflict("total_too_large", error.to_string())
}

pub(crate) fn line_quantities(order: &Order) -> Vec<LineQuantity> {
    let quantity = |line: &OrderLine| LineQuantity {
        product_id: line.product_id,
        variant_id: line.variant_id,
        title: line.title.clone(),
        quantity: line.quantity,
    };
    order.lines.iter().map(quantity).collect()
}
