//! `POST /orders/{id}/returns/{return_id}/decide`: the store's team accepts or rejects a return, once.

use contracts::{
    orders::{DecideReturn, Return as ReturnView},
    problems,
};
use domain::order::{
    Change,
    returns::{DecideError, Decision},
};
use runtime::{Call, Granted, Outcome, Problem, Reply};

use crate::transition::request;

pub async fn handle(deps: &Granted<DecideReturn>, call: Call<DecideReturn>) -> Outcome<DecideReturn> {
    let id = call.path.return_id;
    if call.body.restock && !call.body.accept {
        return Err(Problem::invalid_field("/restock", "not_accepted", "only accepted goods go back into stock"));
    }
    request(deps, &call, call.path.id, |order| {
        let held = order.value.find_return(id).cloned().ok_or_else(Problem::not_found)?;
        let decision = if call.body.accept {
            Decision::Accept { restock: call.body.restock }
        } else {
            Decision::Reject { note: call.body.note.clone() }
        };
        let decided = order.value.decide_return(id, decision, deps.now()).map_err(refuse)?;
        let Some((next, decided)) = decided else { return Ok((None, Reply::new(&held.into()))) };
        let reply = Reply::new(&ReturnView::from(decided.clone()));
        Ok((Some((next, Change::Return(decided))), reply))
    })
    .await
}

fn refuse(error: DecideError) -> Problem {
    match error {
        DecideError::Unknown => Problem::not_found(),
        DecideError::AlreadyDecided => Problem::new(&problems::ALREADY_DECIDED, error.to_string()),
        // Cannot happen: the refund is a share of the order's total, and the total did not overflow.
        DecideError::Money(error) => Problem::internal(&error),
    }
}

#[cfg(test)]
mod tests {
    use contracts::orders::Order as OrderView;
    use domain::{
        Currency, Money, ReturnId, Role,
        order::{OrderStatus, ReturnStatus},
    };
    use runtime::Principal;
    use serde_json::{Value, json};
    use testing::{TestRequest, http::Answer};

    use super::*;
    use crate::{
        fixtures::{Fixture, everything},
        get, on_refund_completed,
    };

    async fn decide(fixture: &Fixture, by: &Principal, id: ReturnId, body: Value) -> Answer {
        let key = fixture.deps().id(|ulid| ulid).to_string();
        let request = TestRequest::new().by(by).path("id", fixture.order.id).path("return_id", id).key(&key).json(body);
        request.send(fixture.deps(), handle).await
    }

    #[tokio::test]
    async fn accepted_goods_are_worth_what_they_cost_without_the_shipping() {
        let fixture = Fixture::delivered().await;
        let asked = fixture.ask_return(1).await;
        fixture.world.dynamo.take_calls();
        let staff = fixture.world.principal(Role::Staff);
        let accept = json!({ "accept": true, "restock": true });
        let first = decide(&fixture, &staff, asked, accept.clone()).await;
        let calls = fixture.world.dynamo.take_calls();
        assert_eq!(calls, [("GetItem".to_owned(), 1), ("TransactWriteItems".to_owned(), 1)].into());
        let accepted: ReturnView = first.ok();
        let price = Money::new(150_000, Currency::Ngn);
        assert_eq!((accepted.status, accepted.refund), (ReturnStatus::Accepted, Some(price)));
        fixture.assert_moved(7, OrderStatus::Completed, "ORDER_RETURNED").await;
        let told = fixture.sent().pop().unwrap().data;
        let variant = fixture.product.variants[0].id;
        assert_eq!(told["lines"], json!([{ "variant_id": variant, "delta": 1 }]));
        assert_eq!(
            (&told["return_id"], &told["restock"], &told["refund"]),
            (&json!(asked), &json!(true), &json!(price))
        );
        let shown: OrderView = TestRequest::new()
            .by(&fixture.world.buyer)
            .path("id", fixture.order.id)
            .send(fixture.deps(), get::handle)
            .await
            .ok();
        assert_eq!(shown.returns, [accepted]);

        // But for the answer to the new key.
        let kept = || -> Vec<_> {
            everything(&fixture.world).into_iter().filter(|item| !item.starts_with("Requests ")).collect()
        };
        let before = kept();
        let again = decide(&fixture, &staff, asked, accept).await;
        assert_eq!((again.status(), &again.0.body), (200, &first.0.body));
        for other in [json!({ "accept": true }), json!({ "accept": false })] {
            let answer = decide(&fixture, &staff, asked, other).await;
            assert_eq!(answer.problem(), (409, "already_decided".into()));
        }
        assert_eq!(kept(), before);
    }

    #[tokio::test]
    async fn rejected_goods_stay_with_the_buyer_who_is_told_why() {
        let fixture = Fixture::delivered().await;
        let asked = fixture.ask_return(2).await;
        let owner = &fixture.world.owner;
        let answer = decide(&fixture, owner, asked, json!({ "accept": false, "note": "It was read" })).await;
        let rejected: ReturnView = answer.ok();
        assert_eq!((rejected.status, rejected.note.as_deref()), (ReturnStatus::Rejected, Some("It was read")));
        fixture.assert_moved(7, OrderStatus::Completed, "RETURN_REJECTED").await;
        assert_eq!(fixture.sent().pop().unwrap().data["note"], "It was read");
        assert_eq!(fixture.ask_return(2).await, fixture.stored().await.value.returns[1].id, "it may be asked again");
    }

    /// The seller can refund the rest of an order's money while a return is still undecided.
    #[tokio::test]
    async fn an_order_whose_money_has_gone_back_is_refunded_and_its_returns_can_still_be_decided() {
        let fixture = Fixture::delivered().await;
        let (first, second) = (fixture.ask_return(1).await, fixture.ask_return(1).await);
        let owner = &fixture.world.owner;
        decide(&fixture, owner, first, json!({ "accept": true })).await.ok::<ReturnView>();
        on_refund_completed::handle(&fixture.granted(), fixture.refund_completed(false)).await.unwrap();
        fixture.assert_moved(8, OrderStatus::Completed, "ORDER_RETURNED").await;
        on_refund_completed::handle(&fixture.granted(), fixture.refund_completed(true)).await.unwrap();
        fixture.assert_moved(9, OrderStatus::Refunded, "ORDER_REFUNDED").await;
        let answer = decide(&fixture, owner, second, json!({ "accept": true, "restock": true })).await;
        assert_eq!(answer.ok::<ReturnView>().status, ReturnStatus::Accepted);
        fixture.assert_moved(10, OrderStatus::Refunded, "ORDER_RETURNED").await;
    }

    #[tokio::test]
    async fn is_for_the_tenants_own_team_and_says_what_is_wrong() {
        let fixture = Fixture::delivered().await;
        let asked = fixture.ask_return(1).await;
        let world = &fixture.world;
        let neighbour = world.neighbour().await;
        let before = everything(world);
        let accept = || json!({ "accept": true });
        assert_eq!(decide(&fixture, &neighbour.owner, asked, accept()).await.problem(), (404, "not_found".into()));
        let unknown = world.deps.id(ReturnId::from_ulid);
        assert_eq!(decide(&fixture, &world.owner, unknown, accept()).await.problem(), (404, "not_found".into()));
        for who in [&world.buyer, &world.principal(Role::Viewer), &world.principal(Role::Customer)] {
            assert_eq!(decide(&fixture, who, asked, accept()).await.problem(), (403, "forbidden".into()));
        }
        let odd = decide(&fixture, &world.owner, asked, json!({ "accept": false, "restock": true })).await;
        assert_eq!(odd.fields(), [("/restock".into(), "not_accepted".into())]);
        assert_eq!(everything(world), before);
    }
}
