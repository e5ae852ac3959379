//! `POST /onboarding/{id}/password`: sets the password of a new account, or checks the password of the account that
//! already has this e-mail address. That the account exists is revealed only here, after the address is verified.

use contracts::{
    check,
    onboarding::{Progress, SetPassword},
};
use domain::{attempts::Counted, onboarding::ProvedAccount};
use identity::{addresses, password};
use runtime::{Call, Granted, Outcome, Problem, Reply};

use crate::step::find;

pub async fn handle(deps: &Granted<SetPassword>, call: Call<SetPassword>) -> Outcome<SetPassword> {
    let (found, now) = (find(deps, &call).await?, deps.now());
    found.value.awaits_password()?;
    let address = addresses::find(deps, &found.value.email, Counted::Passwords, &call.raw.source_ip).await?;
    let failed = address.counter.one_more(now)?;
    let account = addresses::account(deps, address.account_id).await?.map(|account| account.value);
    let given = &call.body.password;
    let mut tx = deps.tx();
    let next = match account {
        Some(account) if password::verify(given, account.password_hash.as_deref()) => {
            found.value.account_proved(ProvedAccount::of(&account), now)?
        }
        Some(_) => {
            // Written before the result is returned, so that attempts made at once are not more attempts.
            address.counter.write(&mut tx, &failed);
            deps.db.commit(tx).await?;
            let detail = "there is an account with this e-mail address; give its password";
            return Err(Problem::invalid_field("/password", "wrong", detail));
        }
        None => {
            // Not a rule of the field: an account keeps the password that it has.
            check::uncommon(given, &())
                .map_err(|refused| Problem::invalid_field("/password", "invalid", refused.message()))?;
            let hash = password::hash(given, deps.random()).map_err(|error| Problem::internal(&error))?;
            found.value.password_set(hash, now)?
        }
    };
    tx.update((), &next, found.version);
    address.counter.write(&mut tx, &address.counter.trusting(now));
    call.commit(deps, tx, Reply::new(&Progress::from(&next))).await?.or_changed()
}

#[cfg(test)]
mod tests {
    use contracts::table::Table;
    use domain::onboarding::Step;
    use testing::World;

    use super::*;
    use crate::fixtures::{EMAIL, PASSWORD, Seller, registered};

    #[tokio::test]
    async fn nothing_is_told_before_the_address_is_proved() {
        let world = World::new().await;
        registered(&world, PASSWORD).await;
        let seller = Seller::begun(&world, EMAIL).await;
        world.dynamo.take_calls();
        for password in [PASSWORD, "something else"] {
            assert_eq!(seller.password(password).await.problem(), (409, "invalid_state".into()));
        }
        assert_eq!(world.dynamo.take_calls(), [("GetItem".to_owned(), 2)].into());
    }

    #[tokio::test]
    async fn an_account_keeps_its_password_however_common_it_is_now() {
        let world = World::new().await;
        registered(&world, "password123").await;
        let seller = Seller::proved(&world, EMAIL).await;
        assert_eq!(seller.password("password123").await.ok::<Progress>().step, Step::Profile);
    }

    #[tokio::test]
    async fn a_new_account_takes_any_good_password() {
        let world = World::new().await;
        let seller = Seller::proved(&world, EMAIL).await;
        for weak in ["short", "Password123", &"\u{3164}".repeat(10)] {
            assert_eq!(
                seller.password(weak).await.fields(),
                [("/password".to_owned(), "invalid".to_owned())],
                "{weak}"
            );
        }
        let progress: Progress = seller.password(PASSWORD).await.ok();
        assert_eq!(progress.step, Step::Profile);
        let kept = world.dynamo.items(Table::Tenants).iter().map(ToString::to_string).collect::<String>();
        assert!(kept.contains("$argon2id$v=19$m=19456,t=2,p=1$") && !kept.contains(PASSWORD));
    }

    #[tokio::test]
    async fn an_existing_account_has_to_prove_itself() {
        let world = World::new().await;
        registered(&world, PASSWORD).await;
        let seller = Seller::proved(&world, EMAIL).await;
        let wrong = seller.password("something else").await;
        assert_eq!((wrong.status(), wrong.fields()), (422, vec![("/password".into(), "wrong".into())]));
        let progress: Progress = seller.password(PASSWORD).await.ok();
        assert_eq!(progress.step, Step::Profile);
    }

    #[tokio::test]
    async fn known_and_unknown_addresses_take_the_same_way() {
        let world = World::new().await;
        registered(&world, PASSWORD).await;
        let mut seen = vec![];
        for email in [EMAIL, "eve@example.com"] {
            let seller = Seller::proved(&world, email).await;
            let _ = (world.dynamo.take_calls(), password::take_runs());
            let progress: Progress = seller.password(PASSWORD).await.ok();
            seen.push((progress.step, world.dynamo.take_calls(), password::take_runs()));
        }
        assert_eq!((&seen[0], seen[0].2), (&seen[1], 1));
    }

    #[tokio::test]
    async fn guessing_gets_slow() {
        let world = World::new().await;
        registered(&world, PASSWORD).await;
        let seller = Seller::proved(&world, EMAIL).await;
        for _ in 0..10 {
            assert_eq!(seller.password("something else").await.status(), 422);
        }
        assert_eq!(seller.password(PASSWORD).await.problem(), (429, "too_soon".into()));
    }
}
