"""Webhooks: signed, retried, and disturbed as armed."""

from __future__ import annotations

import hashlib
import hmac

from .conftest import SECRET_KEY, Client, Merchant, Received


def genuine(received: Received) -> bool:
    wanted = hmac.new(SECRET_KEY.encode(), received.body, hashlib.sha512).hexdigest()
    return received.headers["x-paystack-signature"] == wanted


def pay(client: Client, reference: str = "ref-1") -> None:
    client.initialize(reference=reference)
    client.charge(reference=reference)


def test_a_charge_is_announced_once_and_signed(client: Client, merchant: Merchant) -> None:
    pay(client)
    (received,) = merchant.wait_for(1)
    assert genuine(received)
    message = received.message
    assert (message["event"], message["data"]["reference"]) == ("charge.success", "ref-1")
    assert message["data"]["metadata"] == 0
    assert ("paid_at" in message["data"]) != ("paidAt" in message["data"])


def test_a_refused_card_is_not_announced(client: Client, merchant: Merchant) -> None:
    client.initialize()
    client.charge("declined")
    pay(client, "ref-2")
    merchant.wait_for(1)
    assert [one.message["data"]["reference"] for one in merchant.received] == ["ref-2"]


def test_what_is_not_answered_200_is_sent_again(client: Client, merchant: Merchant) -> None:
    merchant.answers = [500, 302, 204]
    pay(client)
    received = merchant.wait_for(4)
    assert len({one.body for one in received}) == 1
    client.until(lambda: deliveries(client)[0]["state"] == "delivered")
    assert [attempt["status"] for attempt in deliveries(client)[0]["attempts"]] == [500, 302, 204, 200]


def deliveries(client: Client) -> list[dict]:
    return client.http.get("/_sandbox/webhooks").json()["deliveries"]


def test_a_refund_tells_of_each_state_without_an_id_and_with_two_kinds_of_amount(client: Client, merchant: Merchant) -> None:
    pay(client)
    merchant.wait_for(1)
    client.refund(amount=7)
    messages = [one.message for one in merchant.wait_for(4)[1:]]
    told = {m["event"]: m["data"] for m in messages}
    assert set(told) == {"refund.pending", "refund.processing", "refund.processed"}
    assert [told[f"refund.{s}"]["amount"] for s in ("pending", "processing", "processed")] == ["7", "7", 7]
    assert all("id" not in data and data["transaction_reference"] == "ref-1" for data in told.values())


def test_missing(client: Client, merchant: Merchant) -> None:
    client.fault("webhook_missing", event="charge.success")
    pay(client)
    pay(client, "ref-2")
    merchant.wait_for(1)
    assert [one.message["data"]["reference"] for one in merchant.received] == ["ref-2"]
    assert [d["state"] for d in deliveries(client)][0] == "dropped"


def test_duplicated(client: Client, merchant: Merchant) -> None:
    client.fault("webhook_duplicated", copies=5)
    pay(client)
    assert len({one.body for one in merchant.wait_for(5)}) == 1


def test_late(client: Client, merchant: Merchant) -> None:
    client.fault("webhook_late", seconds=0.05)
    pay(client)
    assert deliveries(client)[0]["state"] == "waiting"
    merchant.wait_for(1)


def test_reordered(client: Client, merchant: Merchant) -> None:
    client.fault("webhook_reordered", reference="ref-1")
    pay(client)
    pay(client, "ref-2")
    merchant.wait_for(2)
    assert [one.message["data"]["reference"] for one in merchant.received] == ["ref-2", "ref-1"]


def test_forged_and_altered(client: Client, merchant: Merchant) -> None:
    client.fault("webhook_forged")
    pay(client)
    assert not genuine(merchant.wait_for(1)[0])
    client.fault("webhook_altered", genuine=True)
    pay(client, "ref-2")
    amounts = {one.message["data"]["amount"]: genuine(one) for one in merchant.wait_for(3)[1:]}
    assert amounts == {5_000_000: False, 500_000: True}


def test_a_delivery_can_be_sent_again_many_times_at_once(client: Client, merchant: Merchant) -> None:
    pay(client)
    merchant.wait_for(1)
    again = client.http.post("/_sandbox/deliver", json={"id": deliveries(client)[0]["id"], "copies": 20})
    assert again.json() == {"statuses": [200] * 20}
    assert len(merchant.received) == 21


def test_a_message_of_ones_own(client: Client, merchant: Merchant) -> None:
    own = {"event": "charge.success", "data": {"reference": "never", "amount": 1}}
    assert client.http.post("/_sandbox/deliver", json=own).json()["statuses"] == [200]
    assert client.http.post("/_sandbox/deliver", json={**own, "forged": True}).json()["statuses"] == [200]
    assert [genuine(one) for one in merchant.received] == [True, False]
