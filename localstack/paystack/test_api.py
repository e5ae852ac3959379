"""The API: what the published specification says of transactions and refunds."""

from __future__ import annotations

import httpx
import pytest

from .conftest import Client, Merchant


def test_a_call_without_the_secret_key_is_refused_in_paystacks_shape(client: Client) -> None:
    for headers in ({}, {"Authorization": "Bearer sk_test_other"}, {"Authorization": "Basic sk_test_unit"}):
        answer = client.http.get("/transaction/verify/x", headers=headers)
        assert (answer.status_code, answer.json()) == (401, {"status": False, "message": "Invalid key"})


def test_initialize_gives_a_page_a_code_and_the_reference(client: Client) -> None:
    answer = client.initialize()
    assert answer.status_code == 200
    data = answer.json()["data"]
    assert data["reference"] == "ref-1"
    assert data["authorization_url"] == f"http://pay.test/pay/{data['access_code']}"


def test_a_reference_is_taken_once(client: Client) -> None:
    client.initialize()
    answer = client.initialize(amount=1)
    assert answer.status_code == 400
    assert (answer.json()["message"], answer.json()["code"]) == ("Duplicate Transaction Reference", "duplicate_reference")
    assert client.books()["requested_minor"] == 500_000


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"amount": 0}, 400, "invalid_amount"),
        ({"amount": 10.5}, 400, "invalid_amount"),
        ({"email": "nobody"}, 400, "invalid_email_address"),
        ({"currency": "EUR"}, 403, "unsupported_currency"),
        ({"reference": "under_score"}, 400, "invalid_reference"),
    ],
)
def test_initialize_checks_its_fields(client: Client, fields: dict, status: int, code: str) -> None:
    answer = client.initialize(**fields)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_a_form_is_taken_like_json(client: Client) -> None:
    form = {"email": "ada@example.com", "amount": "100", "reference": "form-1", "metadata": '{"order":"o1"}'}
    assert client.http.post("/transaction/initialize", data=form, headers=client.merchant).status_code == 200
    assert client.verify("form-1").json()["data"]["metadata"] == {"order": "o1"}


def test_an_unpaid_transaction_is_abandoned_and_an_unknown_one_not_found(client: Client) -> None:
    client.initialize()
    data = client.verify().json()["data"]
    assert (data["status"], data["paid_at"], data["fees"], data["metadata"]) == ("abandoned", None, None, "")
    assert client.verify("ref-2").status_code == 404
    client.fault("not_found_as_400")
    assert client.verify("ref-2").json()["code"] == "transaction_not_found"


def test_a_paid_transaction_verifies_with_amount_currency_and_fees(client: Client) -> None:
    client.initialize(currency="NGN", metadata={"order_id": "ord_1"})
    assert client.charge() == {"status": "success", "captured_minor": 500_000, "currency": "NGN", "captures": 1}
    data = client.verify().json()["data"]
    assert (data["status"], data["amount"], data["requested_amount"]) == ("success", 500_000, 500_000)
    assert data["fees"] == 500_000 * 15 // 1000 + 100_00
    assert data["paid_at"] == data["paidAt"] and data["metadata"] == {"order_id": "ord_1"}


def test_a_declined_card_fails_and_another_may_be_tried_but_a_paid_one_is_never_charged_again(client: Client) -> None:
    client.initialize()
    assert client.charge("declined")["status"] == "failed"
    assert client.verify().json()["data"]["gateway_response"] == "Declined"
    assert client.charge()["captures"] == 1
    assert client.charge()["captures"] == 1
    assert client.books()["captured_minor"] == 500_000


def test_a_refund_runs_to_processed_and_the_books_follow(client: Client) -> None:
    client.initialize()
    client.charge()
    created = client.refund(amount=200_000).json()["data"]
    assert (created["status"], created["amount"], created["transaction"]["reference"]) == ("pending", 200_000, "ref-1")
    client.until(lambda: client.books()["refunded_minor"] == 200_000)
    fetched = client.http.get(f"/refund/{created['id']}", headers=client.merchant).json()["data"]
    assert (fetched["status"], fetched["transaction_reference"]) == ("processed", "ref-1")
    assert client.verify().json()["data"]["status"] == "success"
    listed = client.http.get("/refund", params={"reference": "ref-1"}, headers=client.merchant).json()
    assert [r["id"] for r in listed["data"]] == [created["id"]]


def test_no_more_is_refunded_than_was_captured(client: Client) -> None:
    client.initialize()
    assert client.refund().status_code == 400  # nothing paid yet
    client.charge()
    assert client.refund(amount=500_001).json()["code"] == "invalid_amount"
    assert client.refund(amount=300_000).status_code == 200
    assert client.refund(amount=300_000).json()["code"] == "invalid_amount"
    assert client.refund().json()["data"]["amount"] == 200_000  # without an amount: what is left
    assert client.refund().json()["code"] == "transaction_fully_reversed"
    client.until(lambda: client.books()["refunded_minor"] == 500_000)
    assert client.verify().json()["data"]["status"] == "reversed"


def test_the_postings_add_up_to_the_totals(client: Client) -> None:
    client.initialize()
    client.charge()
    client.refund(amount=1)
    client.until(lambda: client.books()["refunded_minor"] == 1)
    books = client.http.get("/_sandbox/books").json()
    assert books["totals"] == {"NGN": {"captured_minor": 500_000, "refunded_minor": 1}}
    assert [(p["debit"], p["credit"]) for p in books["postings"]] == [("buyer", "merchant"), ("merchant", "buyer")]


def test_another_merchant_has_its_own_references(client: Client, merchant: Merchant) -> None:
    client.initialize()
    client.http.post("/_sandbox/accounts", json={"secret_key": "sk_test_two", "webhook_url": merchant.url})
    other = {"Authorization": "Bearer sk_test_two"}
    assert client.http.get("/transaction/verify/ref-1", headers=other).status_code == 404
    body = {"email": "b@example.com", "amount": 1, "reference": "ref-1"}
    assert client.http.post("/transaction/initialize", json=body, headers=other).status_code == 200


@pytest.mark.parametrize(
    ("kind", "params"),
    [
        ("answer_lost", {}),
        ("timeout", {"seconds": 0, "took_effect": True}),
        ("error_5xx", {"took_effect": True}),
    ],
)
def test_an_answer_can_be_lost_after_it_took_effect(client: Client, kind: str, params: dict) -> None:
    client.fault(kind, on="initialize", **params)
    if kind == "error_5xx":
        assert client.initialize().status_code == 502
    else:
        with pytest.raises(httpx.TransportError):
            client.initialize()
    assert client.books()["captures"] == 0  # it is there
    assert client.initialize().json()["code"] == "duplicate_reference"


def test_a_5xx_by_default_took_no_effect_and_passes(client: Client) -> None:
    client.fault("error_5xx", on="initialize", reference="ref-1", times=2, status=503)
    assert client.initialize(reference="ref-2").status_code == 200
    assert [client.initialize().status_code for _ in range(3)] == [503, 503, 200]


def test_wrong_amount_and_currency_are_captured_as_armed(client: Client) -> None:
    client.initialize()
    client.fault("wrong_amount", amount_minor=1)
    client.fault("wrong_currency", currency="USD")
    client.charge()
    data = client.verify().json()["data"]
    assert (data["status"], data["amount"], data["requested_amount"], data["currency"]) == ("success", 1, 500_000, "USD")


def test_a_stale_status_hides_a_charge_for_a_while(client: Client) -> None:
    client.initialize()
    client.charge()
    client.fault("stale_status", status="pending")
    assert [client.verify().json()["data"]["status"] for _ in range(2)] == ["pending", "success"]


def test_a_refund_can_fail_or_need_attention_and_be_retried(client: Client) -> None:
    client.initialize()
    client.charge()
    client.fault("refund_failed")
    failed = client.refund().json()["data"]["id"]
    client.until(lambda: client.books()["refunds"][0]["status"] == "failed")
    assert client.books()["refunded_minor"] == 0

    client.fault("refund_needs_attention")
    stuck = client.refund().json()["data"]["id"]
    assert stuck != failed
    client.until(lambda: client.books()["refunds"][1]["status"] == "needs-attention")
    retry = f"/refund/retry_with_customer_details/{stuck}"
    assert client.http.post(retry, json={}, headers=client.merchant).status_code == 422
    account = {"refund_account_details": {"currency": "NGN", "account_number": "1234567890", "bank_id": "9"}}
    assert client.http.post(retry, json=account, headers=client.merchant).status_code == 200
    client.until(lambda: client.books()["refunded_minor"] == 500_000)


def test_a_fault_that_makes_no_sense_is_refused(client: Client) -> None:
    for fault in ({"kind": "nonsense"}, {"kind": "wrong_amount"}, {"kind": "webhook_late", "on_": 1}, [1],
                  {"kind": "timeout", "on": "page"}, {"kind": "webhook_missing", "times": 0}):  # fmt: skip
        assert client.http.post("/_sandbox/faults", json=fault).status_code == 400, fault
    assert client.http.get("/_sandbox/faults").json()["armed"] == []


def test_reset_empties_the_books_and_disarms(client: Client) -> None:
    client.initialize()
    client.fault("rate_limited", times=None)
    client.http.post("/_sandbox/reset")
    assert client.http.get("/_sandbox/books").json() == {"transactions": [], "postings": [], "totals": {}}
    assert client.initialize().status_code == 200
