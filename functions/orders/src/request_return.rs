//! `POST /orders/{id}/returns`: the buyer asks to return delivered goods.

use contracts::{
    http::FieldError,
    orders::{RequestReturn, Return as ReturnView},
    problems,
};
use domain::{
    ReturnId,
    order::{
        Change,
        returns::{LineError, RequestError},
    },
};
use runtime::{Call, Granted, Outcome, Problem, Reply};

use crate::transition::request;

pub async fn handle(deps: &Granted<RequestReturn>, call: Call<RequestReturn>) -> Outcome<RequestReturn> {
    let id = deps.id(ReturnId::from_ulid);
    request(deps, &call, call.path.id, |order| {
        let lines = call.body.lines.iter().cloned().map(Into::into).collect();
        let requested = order.value.request_return(id, lines, call.body.reason.clone(), deps.now());
        let (next, requested) = requested.map_err(refuse)?;
        let reply = Reply::new(&ReturnView::from(requested.clone()));
        Ok((Some((next, Change::Return(requested))), reply))
    })
    .await
}

fn refuse(error: RequestError) -> Problem {
    let detail = error.to_string();
    match error {
        RequestError::NotDelivered(state) => state.into(),
        RequestError::TooLate => Problem::new(&problems::RETURN_WINDOW_CLOSED, detail),
        RequestError::TooManyReturns => Problem::new(&problems::TOO_MANY_RETURNS, detail),
        RequestError::Lines(wrong) => Problem::invalid(wrong.into_iter().map(|(at, error)| field(at, error))),
    }
}

fn field(at: usize, error: LineError) -> FieldError {
    let (name, code) = match error {
        LineError::Unknown => ("variant_id", "unknown"),
        LineError::Duplicate => ("variant_id", "duplicate"),
        LineError::TooMany { .. } => ("quantity", "too_many"),
    };
    FieldError { pointer: format!("/lines/{at}/{name}"), code: code.to_owned(), detail: error.to_string() }
}

#[cfg(test)]
mod tests {
    use domain::{
        AccountId, Role,
        limits::RETURN_WINDOW_S,
        order::{OrderStatus, ReturnStatus},
    };
    use runtime::Principal;
    use serde_json::{Value, json};
    use testing::{TestRequest, http::Answer};

    use super::*;
    use crate::fixtures::{Fixture, another_buyer, everything};

    fn body(fixture: &Fixture, quantity: u32) -> Value {
        let variant = fixture.product.variants[0].id;
        json!({ "lines": [{ "variant_id": variant, "quantity": quantity }], "reason": "The cover is torn" })
    }

    async fn ask(fixture: &Fixture, by: &Principal, key: &str, body: Value) -> Answer {
        let request = TestRequest::new().by(by).path("id", fixture.order.id).key(key).json(body);
        request.send(fixture.deps(), handle).await
    }

    #[tokio::test]
    async fn the_buyer_asks_in_one_read_and_one_transaction_and_a_repetition_asks_once() {
        let fixture = Fixture::delivered().await;
        let buyer = &fixture.world.buyer;
        fixture.world.dynamo.take_calls();
        let first = ask(&fixture, buyer, "k", body(&fixture, 1)).await;
        let calls = fixture.world.dynamo.take_calls();
        assert_eq!(calls, [("GetItem".to_owned(), 1), ("TransactWriteItems".to_owned(), 1)].into());
        let asked: ReturnView = first.ok();
        assert_eq!((first.status(), asked.status, asked.refund), (201, ReturnStatus::Requested, None));
        fixture.assert_moved(6, OrderStatus::Completed, "RETURN_REQUESTED").await;
        let told = fixture.sent().pop().unwrap().data;
        assert_eq!((&told["return_id"], &told["reason"]), (&json!(asked.id), &json!("The cover is torn")));
        assert_eq!((&told["lines"][0]["quantity"], &told["lines"].as_array().unwrap().len()), (&json!(1), &1));

        let before = everything(&fixture.world);
        let again = ask(&fixture, buyer, "k", body(&fixture, 1)).await;
        assert_eq!((again.status(), &again.0.body), (201, &first.0.body));
        let other = ask(&fixture, buyer, "k", body(&fixture, 2)).await;
        assert_eq!(other.problem(), (422, "idempotency_key_reused".into()));
        let too_many = ask(&fixture, buyer, "k2", body(&fixture, 2)).await;
        assert_eq!(too_many.fields(), [("/lines/0/quantity".into(), "too_many".into())]);
        let missing = TestRequest::new().by(buyer).path("id", fixture.order.id).json(body(&fixture, 1));
        assert_eq!(missing.send(fixture.deps(), handle).await.problem(), (400, "idempotency_key_missing".into()));
        assert_eq!(everything(&fixture.world), before);
    }

    #[tokio::test]
    async fn all_lines_that_cannot_come_back_are_told() {
        let fixture = Fixture::delivered().await;
        let (known, unknown) = (fixture.product.variants[0].id, fixture.deps().id(domain::VariantId::from_ulid));
        let line = |variant, quantity: u32| json!({ "variant_id": variant, "quantity": quantity });
        let wrong = json!({ "lines": [line(known, 3), line(unknown, 1), line(known, 1)], "reason": "x" });
        let answer = ask(&fixture, &fixture.world.buyer, "k", wrong).await;
        let expected = [
            ("/lines/0/quantity", "too_many"),
            ("/lines/1/variant_id", "unknown"),
            ("/lines/2/variant_id", "duplicate"),
        ];
        assert_eq!(
            (answer.status(), answer.fields()),
            (422, expected.map(|(p, c)| (p.to_owned(), c.to_owned())).into())
        );
        for nothing in [json!({ "lines": [], "reason": "x" }), json!({ "lines": [line(known, 0)], "reason": "" })] {
            assert_eq!(ask(&fixture, &fixture.world.buyer, "k", nothing).await.status(), 422);
        }
    }

    #[tokio::test]
    async fn only_after_delivery_and_for_thirty_days() {
        let confirmed = Fixture::confirmed().await;
        let early = ask(&confirmed, &confirmed.world.buyer, "k", body(&confirmed, 1)).await;
        assert_eq!(early.problem(), (409, "invalid_state".into()));
        let fixture = Fixture::delivered().await;
        fixture.world.clock.advance_s(RETURN_WINDOW_S);
        let late = ask(&fixture, &fixture.world.buyer, "k", body(&fixture, 1)).await;
        assert_eq!(late.problem(), (409, "return_window_closed".into()));
    }

    #[tokio::test]
    async fn is_for_the_buyer_and_those_of_the_team_who_may() {
        let fixture = Fixture::delivered().await;
        let world = &fixture.world;
        let neighbour = world.neighbour().await;
        let before = everything(world);
        for who in [&another_buyer(world), &neighbour.owner, &neighbour.buyer] {
            let answer = ask(&fixture, who, "k", body(&fixture, 1)).await;
            assert_eq!(answer.problem(), (404, "not_found".into()));
        }
        let viewer = ask(&fixture, &world.principal(Role::Viewer), "k", body(&fixture, 1)).await;
        assert_eq!(viewer.problem(), (403, "forbidden".into()));
        assert_eq!(everything(world), before);
        let staff = Principal { account_id: world.deps.id(AccountId::from_ulid), ..world.principal(Role::Staff) };
        assert_eq!(ask(&fixture, &staff, "k", body(&fixture, 1)).await.status(), 201);
    }
}
