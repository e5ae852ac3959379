//! `POST /onboarding/{id}/verify-email`: the code from the e-mail verifies the address.

use contracts::onboarding::{Progress, VerifyEmail};
use domain::{
    account::CodeCheck,
    onboarding::{Onboarding, Step},
};
use identity::codes;
use runtime::{Call, Granted, Outcome, Reply};

use crate::step::{email_context, find, judge, save_in};

pub async fn handle(deps: &Granted<VerifyEmail>, call: Call<VerifyEmail>) -> Outcome<VerifyEmail> {
    let (found, now) = (find(deps, &call).await?, deps.now());
    if found.value.step != Step::VerifyEmail {
        // Already verified: the client repeats a request whose answer was lost.
        return Ok(Reply::new(&Progress::from(&found.value)));
    }
    let is_right = codes::is_right(&found.value.email_code, &email_context(found.value.id), &call.body.code);
    let (email_code, check) = found.value.email_code.clone().check(is_right, now);
    let mut next = Onboarding { email_code, ..found.value };
    if check == CodeCheck::Right {
        next = next.email_verified(now)?;
    }
    // Written even when the code is wrong: the attempt must be counted before its result is returned.
    let mut tx = deps.tx();
    if check == CodeCheck::Right {
        tx.unsuppress(&next.email);
    }
    let reply = save_in(tx, deps, &call, &next, found.version).await?;
    judge(check, reply, "begin again with POST /onboarding")
}

#[cfg(test)]
mod tests {
    use store::SuppressionReason;
    use testing::World;

    use super::*;
    use crate::fixtures::{EMAIL, Seller};

    #[tokio::test]
    async fn the_right_code_proves_it_and_may_be_given_twice() {
        let world = World::new().await;
        let seller = Seller::begun(&world, EMAIL).await;
        let code = seller.code();
        for _ in 0..2 {
            let progress: Progress = seller.verify_email(&code).await.ok();
            assert_eq!(progress.step, Step::SetPassword);
        }
    }

    #[tokio::test]
    async fn whoever_proves_an_address_takes_it_off_the_list_of_suppressed_ones() {
        let world = World::new().await;
        world.suppress(EMAIL, SuppressionReason::Bounced).await;
        let seller = Seller::begun(&world, EMAIL).await;
        assert_eq!(seller.verify_email(seller.wrong_code()).await.status(), 422);
        assert!(world.is_suppressed(EMAIL).await);
        seller.verify_email(&seller.code()).await.ok::<Progress>();
        assert!(!world.is_suppressed(EMAIL).await);
    }

    #[tokio::test]
    async fn wrong_codes_are_counted_and_the_fifth_kills() {
        let world = World::new().await;
        let seller = Seller::begun(&world, EMAIL).await;
        for left in [4, 3, 2, 1] {
            let answer = seller.verify_email(seller.wrong_code()).await;
            assert_eq!((answer.status(), answer.fields()), (422, vec![("/code".into(), "wrong".into())]));
            let detail = answer.json()["errors"][0]["detail"].as_str().unwrap().to_owned();
            assert!(detail.ends_with(&format!("tries left: {left}")), "{detail}");
        }
        assert_eq!(seller.verify_email(seller.wrong_code()).await.problem(), (409, "code_dead".into()));
        assert_eq!(seller.verify_email(&seller.code()).await.problem(), (409, "code_dead".into()));
    }

    #[tokio::test]
    async fn tries_at_once_are_not_more_tries() {
        let world = World::new().await;
        let seller = Seller::begun(&world, EMAIL).await;
        let wrong = seller.wrong_code();
        let (one, two) = tokio::join!(seller.verify_email(wrong), seller.verify_email(wrong));
        let told = [one, two].iter().filter(|answer| answer.status() == 422).count();
        let mut left = 5 - told;
        while seller.verify_email(wrong).await.status() == 422 {
            left -= 1;
        }
        // The last wrong attempt makes the code unusable.
        assert_eq!(left, 1);
    }

    #[tokio::test]
    async fn a_code_is_good_for_ten_minutes_and_for_its_own_onboarding() {
        let world = World::new().await;
        let seller = Seller::begun(&world, EMAIL).await;
        let other = Seller::begun(&world, "eve@example.com").await;
        assert_eq!(seller.verify_email(&other.code()).await.status(), 422);
        world.clock.advance_s(599);
        assert_eq!(other.verify_email(&other.code()).await.status(), 200);
        world.clock.advance_s(1);
        assert_eq!(seller.verify_email(&seller.code()).await.problem(), (409, "code_dead".into()));
    }

    #[tokio::test]
    async fn what_is_no_code_costs_no_try() {
        let world = World::new().await;
        let seller = Seller::begun(&world, EMAIL).await;
        for code in ["", "12345", "1234567", "12345a"] {
            let answer = seller.verify_email(code).await;
            assert_eq!((answer.status(), answer.fields()[0].1.as_str()), (422, "invalid"), "{code}");
        }
        let detail = seller.verify_email(seller.wrong_code()).await.json()["errors"][0]["detail"].clone();
        assert!(detail.as_str().unwrap().ends_with("tries left: 4"));
    }
}
