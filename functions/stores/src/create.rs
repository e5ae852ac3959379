//! `POST /stores`: creates another store of the tenant; the tenant's plan limits their number.
//!
//! One batched read (the tenant, and the caller's account where its address is needed) and one transaction.

use contracts::{
    events::StoreCreated,
    problems,
    stores::{Create, CreateStore},
};
use domain::{
    StoreId,
    account::Account,
    limits::PAYMENT_WINDOW_DEFAULT_S,
    store::{PAYMENT_METHODS, Store, StoreStatus, Tax, is_reserved_slug},
    tenant::{Plan, Tenant},
    text,
};
use runtime::{Call, Deps, Granted, Outcome, Problem, http::Committed};
use store::{CommitError, Op, Refused, StoreClaim, Tx, keys};

use crate::settings::{check_methods, error, reply};

pub async fn handle(deps: &Granted<Create>, call: Call<Create>) -> Outcome<Create> {
    let (plan, own_email) = read(deps, &call).await?;
    let store = build(deps, &call.body, own_email)?;
    let mut tx = deps.tx();
    let parts = write(deps, &call, &mut tx, &store, plan)?;
    match call.commit(deps, tx, reply(store, 1)).await? {
        Committed::Done(reply) => Ok(reply),
        Committed::Refused(refused) => Err(explain(refused, &parts, plan)),
    }
}

/// The tenant's plan, and the caller's e-mail address unless the request gives one.
async fn read(deps: &Deps, call: &Call<Create>) -> Result<(Plan, Option<String>), Problem> {
    let tenant_key = keys::tenant(call.tenant()?);
    let account_key = keys::account(call.principal()?.account_id);
    let mut wanted = vec![tenant_key.clone()];
    if call.body.support_email.is_none() {
        wanted.push(account_key.clone());
    }
    let mut found = deps.db.batch_get(&wanted).await?;
    let tenant = found.take::<Tenant>(&tenant_key)?.ok_or_else(Problem::not_found)?;
    Ok((tenant.value.plan, found.take::<Account>(&account_key)?.map(|account| account.value.email)))
}

fn build(deps: &Deps, body: &CreateStore, own_email: Option<String>) -> Result<Store, Problem> {
    let now = deps.now();
    let body = body.clone();
    let payment_methods = body.payment_methods.unwrap_or_else(|| PAYMENT_METHODS.map(str::to_owned).to_vec());
    let mut errors = check_methods(&body.shipping_methods, &payment_methods, body.currency);
    // The slug becomes the store's host name and never changes, so no random one is made up.
    let slug = body.slug.or_else(|| text::slugify(&body.name)).filter(|slug| !is_reserved_slug(slug));
    if slug.is_none() {
        errors.push(error("/slug", "missing", "give a slug: none can be made from this name"));
    }
    let support_email = body.support_email.or(own_email);
    if support_email.is_none() {
        errors.push(error("/support_email", "missing", "give an address that buyers can write to"));
    }
    let (Some(slug), Some(support_email), true) = (slug, support_email, errors.is_empty()) else {
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
        support_email,
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
    let slug = tx.create((), &StoreClaim { name: store.slug.clone(), tenant_id, store_id, status });
    tx.create((), &StoreClaim { name: store_id.to_string(), tenant_id, store_id, status });
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
    use crate::fixtures::{body, claim, counted, create, events, on_plan, owners_account, request, store, world};

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
        let calls = [("BatchGetItem".to_owned(), 1), ("TransactWriteItems".to_owned(), 1)];
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
        let world = World::new().await;
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
    async fn buyers_write_to_the_seller_unless_told_otherwise() {
        let world = world().await;
        let mut body = body("Shelf");
        body.as_object_mut().unwrap().remove("support_email");
        let missing = create(&world, body.clone()).await;
        assert_eq!(missing.fields(), [("/support_email".to_owned(), "missing".to_owned())]);
        owners_account(&world).await;
        assert_eq!(create(&world, body).await.ok::<View>().support_email, "owner@example.com");
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
