//! `POST /onboarding/{id}/verify-phone`: the code from the e-mail confirms the phone number.

use contracts::{
    onboarding::{Progress, VerifyPhone},
    problems,
};
use domain::{account::CodeCheck, onboarding::Onboarding};
use identity::codes;
use runtime::{Call, Granted, Outcome, Problem, Reply};

use crate::step::{find, judge, phone_context, save};

const ANOTHER: &str = "ask for another with POST /onboarding/{id}/phone";

pub async fn handle(deps: &Granted<VerifyPhone>, call: Call<VerifyPhone>) -> Outcome<VerifyPhone> {
    let (found, now) = (find(deps, &call).await?, deps.now());
    if found.value.phone_verified {
        // Already confirmed: the client repeats a request whose answer was lost.
        return Ok(Reply::new(&Progress::from(&found.value)));
    }
    let Some(kept) = found.value.phone_code.clone() else {
        return Err(Problem::new(&problems::NO_PHONE, "give a phone number first, with POST /onboarding/{id}/phone"));
    };
    let is_right = codes::is_right(&kept, &phone_context(found.value.id), &call.body.code);
    let (kept, check) = kept.check(is_right, now);
    let mut next = Onboarding { phone_code: Some(kept), ..found.value };
    if check == CodeCheck::Right {
        next = next.phone_confirmed(now)?;
    }
    // Written even when the code is wrong: the attempt must be counted before its result is returned.
    let reply = save(deps, &call, &next, found.version).await?;
    judge(check, reply, ANOTHER)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use testing::{World, http::Answer};

    use super::*;
    use crate::{
        fixtures::{EMAIL, Seller},
        phone,
    };

    async fn give(seller: &Seller, phone: &str) {
        let answer = seller.request().json(json!({ "phone": phone })).send(&seller.world.deps, phone::handle).await;
        assert_eq!(answer.status(), 200);
    }

    async fn verify(seller: &Seller, code: &str) -> Answer {
        seller.request().json(json!({ "code": code })).send(&seller.world.deps, handle).await
    }

    #[tokio::test]
    async fn the_code_confirms_the_number_and_no_other() {
        let world = World::new().await;
        let seller = Seller::identified(&world, EMAIL).await;
        let of_email = seller.code();
        assert_eq!(verify(&seller, &of_email).await.problem(), (409, "no_phone".into()));
        give(&seller, "+2348012345678").await;
        assert_eq!(verify(&seller, &of_email).await.fields(), [("/code".into(), "wrong".into())]);
        let code = seller.code();
        for _ in 0..2 {
            assert!(verify(&seller, &code).await.ok::<Progress>().phone_verified);
        }
        give(&seller, "+2348012345679").await;
        assert_eq!(verify(&seller, &code).await.status(), 422);
        assert!(verify(&seller, &seller.code()).await.ok::<Progress>().phone_verified);
    }

    #[tokio::test]
    async fn five_wrong_codes_kill() {
        let world = World::new().await;
        let seller = Seller::identified(&world, EMAIL).await;
        give(&seller, "+2348012345678").await;
        for _ in 0..4 {
            assert_eq!(verify(&seller, seller.wrong_code()).await.status(), 422);
        }
        assert_eq!(verify(&seller, seller.wrong_code()).await.problem(), (409, "code_dead".into()));
        assert_eq!(verify(&seller, &seller.code()).await.problem(), (409, "code_dead".into()));
    }
}
