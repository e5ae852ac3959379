//! `POST /cart/merge`: at sign-in, moves the lines of the guest's cart into the customer's cart. The guest's access
//! token proves that the cart is the caller's.

use contracts::carts::Merge;
use domain::{AccountId, Role, cart::Cart};
use runtime::auth::{self, TokenError};
use runtime::{Call, Deps, Granted, Outcome, Problem, Tries, retry};
use store::keys;

use crate::{
    cart_access::{self, Held},
    pricing_snapshot::PricingSnapshot,
};

pub async fn handle(deps: &Granted<Merge>, call: Call<Merge>) -> Outcome<Merge> {
    let guest = guest(deps, &call).await?;
    let at = call.store()?;
    retry!(Tries::FEW_RIVALS, {
        let (mine, theirs) = read_both(deps, &call, guest).await?;
        call.expect_version(mine.version.unwrap_or(0))?;
        let mut tx = deps.tx();
        let reply = if theirs.cart.lines.is_empty() {
            let prices =
                PricingSnapshot::read(deps, at, cart_access::wanted(&mine.cart), cart_access::chosen(&mine.cart))
                    .await?;
            cart_access::reply(&mine.cart, mine.version, &prices, deps.now())?
        } else {
            let version = mine.next_version();
            let (merged, left) = mine.cart.merge(theirs.cart, deps.now());
            tx.save(at.tenant_id, &merged, mine.version);
            tx.save(at.tenant_id, &left, theirs.version);
            let prices =
                PricingSnapshot::read(deps, at, cart_access::wanted(&merged), cart_access::chosen(&merged)).await?;
            cart_access::reply(&merged, Some(version), &prices, deps.now())?
        };
        call.commit(deps, tx, reply).await?.into()
    })
}

/// The guest's account, from the guest token. A bad token is refused without the reason.
async fn guest(deps: &Deps, call: &Call<Merge>) -> Result<AccountId, Problem> {
    let tenant = call.store()?.tenant_id;
    match auth::verify(deps, &call.body.guest_token).await {
        Ok(guest) if guest.role == Role::Guest && guest.tenant_id == Some(tenant) => Ok(guest.account_id),
        Ok(_) | Err(TokenError::Invalid(_) | TokenError::Expired) => {
            let detail = "expected a valid access token of a guest of this store";
            Err(Problem::invalid_field("/guest_token", "invalid", detail))
        }
        Err(TokenError::Secret(error)) => Err(error.into()),
    }
}

/// Reads the caller's cart and the guest's cart at once. If both are the same cart, the guest's cart appears empty.
async fn read_both(deps: &Deps, call: &Call<Merge>, guest: AccountId) -> Result<(Held, Held), Problem> {
    let at = call.store()?;
    let (my_key, their_key) = (cart_access::key(call)?, keys::cart(at.tenant_id, at.store_id, guest));
    let mut both = vec![my_key.clone(), their_key.clone()];
    both.dedup();
    let mut found = deps.db.batch_get(&both).await?;
    let mine = found.take::<Cart>(&my_key)?;
    let theirs = found.take::<Cart>(&their_key)?;
    Ok((Held::new(deps, at, call.principal()?.account_id, mine), Held::new(deps, at, guest, theirs)))
}

#[cfg(test)]
mod tests {
    use contracts::carts::Cart as CartView;
    use runtime::Principal;
    use serde_json::json;
    use testing::World;

    use super::*;
    use crate::fixtures::{Buyer, lines};

    async fn token(world: &World, of: &Principal) -> String {
        identity::sessions::issue(&world.deps, of).await.unwrap()
    }

    fn customer(world: &World) -> Buyer<'_> {
        let account_id = world.deps.id(AccountId::from_ulid);
        Buyer::new(world, &Principal { role: Role::Customer, account_id, ..world.buyer.clone() })
    }

    #[tokio::test]
    async fn takes_the_guests_lines_and_empties_the_guests_cart() {
        let world = World::new().await;
        let (guest, customer) = (Buyer::new(&world, &world.buyer), customer(&world));
        let (book, pen) = (world.product("Book", 1_000, 9).await, world.product("Pen", 500, 9).await);
        customer.add(&book, 1).await.ok::<CartView>();
        guest.add(&book, 3).await.ok::<CartView>();
        guest.add(&pen, 2).await.ok::<CartView>();
        let guest_token = token(&world, &guest.principal).await;
        world.dynamo.take_calls();
        let answer = customer.merge(&guest_token).await;
        let cart: CartView = answer.ok();
        let calls = world.dynamo.take_calls();
        assert_eq!(calls, [("BatchGetItem".to_owned(), 2), ("TransactWriteItems".to_owned(), 1)].into());
        assert_eq!((lines(&cart), cart.version), (vec![(book.1, 3), (pen.1, 2)], 2));
        assert_eq!(answer.0.header("etag"), Some("\"2\""));
        assert_eq!(cart, customer.cart().await);
        assert!(guest.cart().await.lines.is_empty());
        // A second merge finds the guest's cart empty and changes nothing.
        assert_eq!(customer.merge(&guest_token).await.ok::<CartView>(), cart);
    }

    #[tokio::test]
    async fn a_repetition_gets_the_first_answer() {
        let world = World::new().await;
        let (guest, customer) = (Buyer::new(&world, &world.buyer), customer(&world));
        let book = world.product("Book", 1_000, 9).await;
        let guest_token = token(&world, &guest.principal).await;
        let body = json!({ "guest_token": guest_token });
        let send = |key: &str| customer.request().key(key).json(body.clone()).send(&world.deps, handle);
        let nothing = send("before").await;
        guest.add(&book, 3).await.ok::<CartView>();
        let first = send("after").await;
        customer.clear().await.ok::<CartView>();
        for (key, answer) in [("before", nothing), ("after", first)] {
            let again = send(key).await;
            assert_eq!((answer.status(), &answer.0.body), (200, &again.0.body), "{key}");
        }
        assert!(customer.cart().await.lines.is_empty());
        assert!(guest.cart().await.lines.is_empty());
    }

    #[tokio::test]
    async fn a_guest_may_not_and_a_token_must_be_a_guests_of_this_tenant() {
        let world = World::new().await;
        let neighbour = world.neighbour().await;
        let (guest, customer) = (Buyer::new(&world, &world.buyer), customer(&world));
        let book = world.product("Book", 1_000, 9).await;
        guest.add(&book, 3).await.ok::<CartView>();
        let guest_token = token(&world, &guest.principal).await;
        assert_eq!(guest.merge(&guest_token).await.problem(), (403, "forbidden".into()));

        let expired = token(&world, &guest.principal).await;
        let others = [
            token(&world, &customer.principal).await,
            token(&world, &world.owner).await,
            token(&world, &neighbour.buyer).await,
            format!("{guest_token}x"),
            "nonsense".to_owned(),
        ];
        for other in &others {
            assert_eq!(customer.merge(other).await.fields(), [("/guest_token".into(), "invalid".into())]);
        }
        world.clock.advance_s(3_600);
        assert_eq!(customer.merge(&expired).await.status(), 422);
        assert!(customer.cart().await.lines.is_empty());
        assert_eq!(guest.cart().await.lines.len(), 1);
    }

    #[tokio::test]
    async fn what_the_guest_has_ordered_is_not_taken() {
        let world = World::new().await;
        let (guest, customer) = (Buyer::new(&world, &world.buyer), customer(&world));
        let book = world.product("Book", 1_000, 9).await;
        guest.add(&book, 3).await.ok::<CartView>();
        guest.order().await;
        let guest_token = token(&world, &guest.principal).await;
        assert!(customer.merge(&guest_token).await.ok::<CartView>().lines.is_empty());
    }

    #[tokio::test]
    async fn a_guest_who_became_a_customer_keeps_the_cart() {
        let world = World::new().await;
        let guest = Buyer::new(&world, &world.buyer);
        let book = world.product("Book", 1_000, 9).await;
        guest.add(&book, 3).await.ok::<CartView>();
        let guest_token = token(&world, &guest.principal).await;
        let customer = Buyer::new(&world, &Principal { role: Role::Customer, ..world.buyer.clone() });
        assert_eq!(lines(&customer.merge(&guest_token).await.ok()), [(book.1, 3)]);
    }

    #[tokio::test]
    async fn three_guests_carts_merged_at_once_are_merged_or_refused_for_now() {
        let world = World::new().await;
        let customer = customer(&world);
        let mut tokens = vec![];
        for name in ["Book", "Pen", "Ink"] {
            let guest_id = world.deps.id(AccountId::from_ulid);
            let guest = Buyer::new(&world, &Principal { account_id: guest_id, ..world.buyer.clone() });
            guest.add(&world.product(name, 1_000, 9).await, 1).await.ok::<CartView>();
            tokens.push(token(&world, &guest.principal).await);
        }
        let mut at_once = tokio::task::JoinSet::new();
        for guest_token in &tokens {
            let request = customer.request().json(json!({ "guest_token": guest_token }));
            let deps = world.deps.clone();
            at_once.spawn(async move { request.send(&deps, handle).await });
        }
        for answer in at_once.join_all().await {
            assert!(answer.status() == 200 || answer.problem() == (409, "busy".into()), "{}", answer.json());
        }
        // Whoever was refused tries again, and nothing is lost or taken twice.
        for guest_token in &tokens {
            assert_eq!(customer.merge(guest_token).await.status(), 200);
        }
        let all: Vec<u32> = lines(&customer.cart().await).into_iter().map(|(_, quantity)| quantity).collect();
        assert_eq!(all, [1, 1, 1]);
    }
}
