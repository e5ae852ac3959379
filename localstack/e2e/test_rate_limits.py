"""A tenant's rate limits on the deployed functions. The platform's own are a thousandfold here (settings.py)."""

from __future__ import annotations

import pytest

from .shop import Buyer, Seller, Shop, new_key

pytestmark = pytest.mark.deployed

CUSTOMER = {"name": "Ada Obi", "email": "ada@example.com"}


def place(buyer: Buyer) -> tuple[int, str | None]:
    answer = buyer.api.send("POST", "/orders", key=new_key(), json={"customer": CUSTOMER})
    return answer.status_code, answer.json().get("code")


def test_a_rule_holds_for_its_tenant_and_no_other(shop: Shop, seller: Seller) -> None:
    rule = {"class": "checkout", "subject": "address", "per_minute": 2, "burst": 2}
    made = seller.api.call("POST", "/rate-rules", 201, json=rule)
    assert seller.api.call("GET", "/rate-rules")["items"] == [made]
    # Each process lets two through by itself, and there may be a few of them.
    buyers = [Buyer.guest(seller) for _ in range(3)]
    answers = [place(buyers[number % 3]) for number in range(40)]
    assert set(answers) == {(409, "cart_empty"), (429, "rate_limited")}
    refused = buyers[0].api.send("POST", "/orders", key=new_key(), json={"customer": CUSTOMER})
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["retry-after"]) <= 30
    assert refused.headers["ratelimit-policy"] == '"checkout";q=2;w=60'
    assert place(Buyer.guest(Seller.onboard(shop))) == (409, "cart_empty")

    seller.api.call("DELETE", f"/rate-rules/{made['id']}")
    assert seller.api.call("GET", "/rate-rules")["items"] == []
