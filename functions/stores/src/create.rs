//! `POST /stores`: creates another store of the tenant; the tenant's plan limits their number.
//!
//! One batched read (the tenant, and the caller's account for its address), one query (the tenant's closed stores,
//! whose names are still kept) and one transaction.

use contracts::{
    events::StoreCreated,
    problems,
    stores::{Create, CreateStore},
};
use domain::{
    StoreId,
    account::Account,
    limits::{CLOSED_STORES_MAX, PAYMENT_WINDOW_DEFAULT_S, SLUG_HELD_S},
    store::{PAYMENT_METHODS, Store, StoreStatus, Tax, is_reserved_slug},
    tenant::{Plan, Tenant},
    text,
    time::after,
};
use runtime::{Call, Deps, Granted, Outcome, Problem, http::Committed};
use store::{CommitError, Op, Refused, SortOrder, StoreClaim, Tx, keys};

use crate::settings::{check_methods, error, reply};

pub async fn handle(deps: &Granted<Create>, call: Call<Create>) -> Outcome<Create> {
    let (plan, seller_email) = read(deps, &call).await?;
    check_closed(deps, &call).await?;
    let store = build(deps, &call.body, seller_email)?;
    let mut tx = deps.tx();
    let parts = write(deps, &call, &mut tx, &store, plan)?;
    match call.commit(deps, tx, reply(store, 1)).await? {
        Committed::Done(reply) => Ok(reply),
        Committed::Refused(refused) => Err(explain(refused, &parts, plan)),
    }
}

/// The tenant's plan, and the caller's proved e-mail address.
async fn read(deps: &Deps, call: &Call<Create>) -> Result<(Plan, String), Problem> {
    let tenant_key = keys::tenant(call.tenant()?);
    let account_key = keys::account(call.principal()?.account_id);
    let mut found = deps.db.batch_get(&[tenant_key.clone(), account_key.clone()]).await?;
    let tenant = found.take::<Tenant>(&tenant_key)?.ok_or_else(Problem::not_found)?;
    let account = found.take::<Account>(&account_key)?.filter(|account| account.value.email_verified);
    Ok((tenant.value.plan, account.ok_or_else(Problem::not_found)?.value.email))
}

/// A closed store keeps its slug from others for a while, so nobody may open and close stores as fast as they like.
async fn check_closed(deps: &Deps, call: &Call<Create>) -> Result<(), Problem> {
    let now = deps.now();
    let keeps_slug = |store: &Store| store.status == StoreStatus::Closed && now < after(store.updated_at, SLUG_HELD_S);
    let list = keys::stores(call.tenant()?);
    let limit = i32::try_from(CLOSED_STORES_MAX).unwrap_or(i32::MAX);
    let (closed, _) = deps.db.list_where(&list, SortOrder::Descending, limit, None, keeps_slug).await?;
    if closed.len() < CLOSED_STORES_MAX {
        return Ok(());
    }
    let days = SLUG_HELD_S / (24 * 3_600);
    let detail =
        format!("{CLOSED_STORES_MAX} stores were closed in the last {days} days, and their names are still kept");
    Err(Problem::new(&problems::TOO_MANY_CLOSED_STORES, detail))
}

fn build(deps: &Deps, body: &CreateStore, seller_email: String) -> Result<Store, Problem> {
    let now = deps.now();
    let body = body.clone();
    let payment_methods = body.payment_methods.unwrap_or_else(|| PAYMENT_METHODS.map(str::to_owned).to_vec());
    let mut errors = check_methods(&body.shipping_methods, &payment_methods, body.currency);
    // The slug becomes the store's host name and never changes, so no random one is made up.
    let slug = body.slug.or_else(|| text::slugify(&body.name)).filter(|slug| !is_reserved_slug(slug));
    if slug.is_none() {
        errors.push(error("/slug", "missing", "give a slug: none can be made from this name"));
    }
    let (Some(slug), true) = (slug, errors.is_empty()) else {
        return Err(Problem::invalid(errors));
    };
    Ok(Store {
        id: deps.id(StoreId::from_ulid),
        name: body.name,
        slug,
        description: body.description,
        logo_url: body.logo_url,
        currency: body.currency,
        timezone: body.timezone,
        tax: body.tax.map_or(Tax { rate_basis_points: 0, inclusive: false }, Into::into),
        shipping_methods: body.shipping_methods.into_iter().map(Into::into).collect(),
        payment_methods,
        payment_window_s: body.payment_window_s.unwrap_or(PAYMENT_WINDOW_DEFAULT_S),
        support_email: body.support_email,
        seller_email,
        low_stock_email: body.low_stock_email,
        status: StoreStatus::Draft,
        created_at: now,
        updated_at: now,
    })
}

/// The operations whose refusal is explained to the seller.
struct Parts {
    plan: Op,
    slug: Op,
}

fn write(deps: &Deps, call: &Call<Create>, tx: &mut Tx, store: &Store, plan: Plan) -> Result<Parts, Problem> {
    let (tenant_id, store_id, status) = (call.tenant()?, store.id, store.status);
    tx.create(tenant_id, store);
    let claim = |name: String| StoreClaim { name, tenant_id, store_id, status, free_at: None };
    let slug = tx.create_unless_live(&claim(store.slug.clone()), store.created_at);
    tx.create((), &claim(store_id.to_string()));
    let actor = call.principal()?.account_id;
    let event = StoreCreated { store_id, name: store.name.clone(), slug: store.slug.clone(), actor };
    tx.emit(&deps.event(&call.cause, tenant_id, store_id, 1, event));
    Ok(Parts { plan: tx.count_store(tenant_id, plan, store.created_at), slug })
}

fn explain(refused: Refused, parts: &Parts, plan: Plan) -> Problem {
    match plan.stores_max() {
        Some(max) if refused.contains(parts.plan) => {
            Problem::new(&problems::PLAN_LIMIT, format!("the plan {} allows {max} open stores", plan.name()))
        }
        _ if refused.contains(parts.slug) => {
            let detail = "another store on the platform has this slug";
            Problem::new(&problems::SLUG_TAKEN, detail).with_errors(vec![error("/slug", "slug_taken", detail)])
        }
        _ => CommitError::Refused(refused).into(),
    }
}

#[cfg(test)]
mod tests {
    use contracts::stores::Store as View;
    use domain::Role;
    use serde_json::{Value, json};
    use testing::World;

    use super::*;
    use crate::{
        fixtures::{body, claim, counted, create, events, on_plan, request, store, world, world_on},
        status,
    };

    fn with(name: &str, field: &str, value: Value) -> Value {
        let mut body = body(name);
        body[field] = value;
        body
    }

    #[tokio::test]
    async fn opens_a_draft_under_two_names_and_tells() {
        let world = world().await;
        let shipping = json!([{ "id": "dhl", "name": "DHL", "estimated_days": 2,
            "rate": { "amount_minor": 500_000, "currency": "NGN" } }]);
        world.dynamo.take_calls();
        let answer = create(&world, with("Ada's Shoes", "shipping_methods", shipping)).await;
        let calls = [("BatchGetItem".to_owned(), 1), ("Query".to_owned(), 1), ("TransactWriteItems".to_owned(), 1)];
        assert_eq!(world.dynamo.take_calls(), calls.into());
        assert_eq!((answer.status(), answer.0.header("etag")), (201, Some("\"1\"")));
        let made: View = answer.ok();
        assert_eq!((made.slug.as_str(), made.status), ("ada-s-shoes", StoreStatus::Draft));
        assert_eq!((made.payment_methods, made.payment_window_s), (vec!["paystack".to_owned()], 900));
        for name in [made.slug.clone(), made.id.to_string()] {
            let claim = claim(&world, name).await.unwrap();
            assert_eq!((claim.tenant_id, claim.store_id, claim.status), (world.tenant, made.id, StoreStatus::Draft));
        }
        assert_eq!(counted(&world).await, 2);
        let [event] = events(&world, "STORE_CREATED").try_into().unwrap();
        let actor = world.owner.account_id;
        let told = json!({ "store_id": made.id, "name": "Ada's Shoes", "slug": "ada-s-shoes", "actor": actor });
        assert_eq!((&event["data"], &event["subject"]), (&told, &json!(made.id)));
    }

    #[tokio::test]
    async fn the_plan_is_the_limit() {
        let world = world_on(Plan::Free).await;
        let answer = create(&world, body("Second")).await;
        assert_eq!(answer.problem(), (403, "plan_limit".into()));
        assert_eq!(answer.json()["detail"], "the plan FREE allows 1 open stores");
        assert!(claim(&world, "second").await.is_none());
        on_plan(&world, Plan::Pro).await;
        for name in ["Second", "Third", "Fourth", "Fifth"] {
            store(&world, name).await;
        }
        assert_eq!(create(&world, body("Sixth")).await.problem(), (403, "plan_limit".into()));
        assert_eq!(counted(&world).await, 5);
        on_plan(&world, Plan::Enterprise).await;
        store(&world, "Sixth").await;
    }

    #[tokio::test]
    async fn a_slug_is_one_store_on_the_whole_platform() {
        let world = world().await;
        let neighbour = world.neighbour().await;
        let answer = create(&world, with("Bob", "slug", json!(neighbour.store.slug))).await;
        assert_eq!(answer.problem(), (409, "slug_taken".into()));
        assert_eq!(answer.fields(), [("/slug".to_owned(), "slug_taken".to_owned())]);
        assert_eq!(counted(&world).await, 1);
        assert_eq!(claim(&world, &neighbour.store.slug).await.unwrap().tenant_id, neighbour.tenant);
    }

    #[tokio::test]
    async fn names_of_the_platforms_own_are_for_no_store() {
        let world = world().await;
        let given = create(&world, with("Shelf", "slug", json!("api"))).await;
        assert_eq!(given.fields(), [("/slug".to_owned(), "invalid".to_owned())]);
        for name in ["Admin", "本"] {
            assert_eq!(
                create(&world, body(name)).await.fields(),
                [("/slug".to_owned(), "missing".to_owned())],
                "{name}"
            );
        }
    }

    #[tokio::test]
    async fn every_rule_of_the_settings_is_told_by_field() {
        let world = world().await;
        let method = |id: &str, currency: &str| {
            json!({ "id": id, "name": "Van", "estimated_days": 1,
                "rate": { "amount_minor": 100, "currency": currency } })
        };
        let pair = |pointer: &str, code: &str| (pointer.to_owned(), code.to_owned());
        let methods = json!([method("van", "USD"), method("bike", "NGN"), method("van", "NGN")]);
        assert_eq!(
            create(&world, with("Shelf", "shipping_methods", methods)).await.fields(),
            [pair("/shipping_methods/0/rate/currency", "wrong_currency"), pair("/shipping_methods/2/id", "duplicate")]
        );
        for (field, value, pointer) in [
            ("payment_methods", json!(["cash"]), "/payment_methods/0"),
            ("payment_methods", json!([]), "/payment_methods"),
            ("timezone", json!("Lagos time"), "/timezone"),
            ("tax", json!({ "rate_basis_points": 10_001, "inclusive": true }), "/tax/rate_basis_points"),
            ("payment_window_s", json!(59), "/payment_window_s"),
            ("logo_url", json!("javascript:x"), "/logo_url"),
            ("status", json!("active"), "/status"),
        ] {
            let answer = create(&world, with("Shelf", field, value)).await;
            assert_eq!(answer.problem(), (422, "invalid_fields".into()), "{field}");
            assert_eq!(answer.fields().first().map(|field| field.0.as_str()), Some(pointer), "{}", answer.json());
        }
    }

    #[tokio::test]
    async fn the_sellers_own_address_is_kept_for_mails_and_not_published() {
        let world = world().await;
        let mut body = body("Shelf");
        body.as_object_mut().unwrap().remove("support_email");
        let answer = create(&world, body).await;
        assert!(!answer.json().to_string().contains("owner@example.com"), "{}", answer.json());
        let made: View = answer.ok();
        assert_eq!(made.support_email, None);
        let kept = world.deps.db.get::<Store>(&keys::store(world.tenant, made.id)).await.unwrap().unwrap().value;
        assert_eq!(kept.seller_email, "owner@example.com");
        let typed = store(&world, "Other").await;
        let kept = world.deps.db.get::<Store>(&keys::store(world.tenant, typed.id)).await.unwrap().unwrap().value;
        assert_eq!(
            (kept.support_email.as_deref(), kept.seller_email.as_str()),
            (Some("help@example.com"), "owner@example.com")
        );
    }

    async fn close(world: &World, id: StoreId) {
        let request = request(world).path("id", id).json(json!({ "status": "closed" }));
        assert_eq!(request.send(&world.deps, status::handle).await.status(), 200);
    }

    #[tokio::test]
    async fn opening_and_closing_stores_takes_only_so_many_names() {
        let world = world().await;
        for number in 0..CLOSED_STORES_MAX {
            let made = store(&world, &format!("Shop {number}")).await;
            close(&world, made.id).await;
        }
        assert_eq!(create(&world, body("One more")).await.problem(), (409, "too_many_closed_stores".into()));
        assert!(claim(&world, "one-more").await.is_none());
        world.clock.advance_s(SLUG_HELD_S);
        store(&world, "One more").await;
    }

    #[tokio::test]
    async fn the_name_of_a_closed_store_comes_free_after_a_while_and_not_at_once() {
        let world = world().await;
        let first = store(&world, "Shoes").await;
        close(&world, first.id).await;
        assert_eq!(create(&world, body("Shoes")).await.problem(), (409, "slug_taken".into()));
        world.clock.advance_s(SLUG_HELD_S - 1);
        assert_eq!(create(&world, body("Shoes")).await.problem(), (409, "slug_taken".into()));
        world.clock.advance_s(1);
        let second = store(&world, "Shoes").await;
        assert_eq!(claim(&world, "shoes").await.unwrap().store_id, second.id);
        assert_eq!(claim(&world, first.id).await.unwrap().store_id, first.id);
        world.clock.advance_s(2 * SLUG_HELD_S);
        assert_eq!(create(&world, body("Shoes")).await.problem(), (409, "slug_taken".into()));
    }

    #[tokio::test]
    async fn the_same_key_opens_one_store() {
        let world = world().await;
        let send = || request(&world).key("k-1").json(body("Shelf")).send(&world.deps, handle);
        let (first, again) = (send().await, send().await);
        assert_eq!((first.status(), first.0.body), (again.status(), again.0.body));
        assert_eq!(counted(&world).await, 2);
    }

    #[tokio::test]
    async fn only_those_who_lead_open_stores() {
        let world = world().await;
        for (role, status) in [(Role::Manager, 201), (Role::Staff, 403), (Role::Guest, 403)] {
            let request = request(&world).by(&world.principal(role)).json(body("Shelf"));
            assert_eq!(request.send(&world.deps, handle).await.status(), status, "{role:?}");
        }
    }
}
