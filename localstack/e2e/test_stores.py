"""Finding the store that a request is about, and who may see it."""

from __future__ import annotations

import pytest

from .shop import Buyer, Caller, Seller, Shop
from .waiting import wait_for

pytestmark = pytest.mark.deployed


def test_by_host_name_by_slug_and_by_id(shop: Shop, seller: Seller) -> None:
    product = seller.product("A novel", {"PB": (450_000, 5)})
    by_host = shop.caller().call("GET", "/products", headers={"Host": f"{seller.slug}.localhost:{shop.stack.port}"})
    for name in (seller.slug, seller.store["id"]):
        assert shop.caller(store=name).call("GET", "/products") == by_host
    assert [item["id"] for item in by_host["items"]] == [product.id]
    resolved = shop.caller().call("GET", "/stores/resolve", headers={"Host": f"{seller.slug}.localhost"})
    assert (resolved["id"], resolved["slug"]) == (seller.store["id"], seller.slug)

    nowhere = shop.caller().send("GET", "/products")
    assert (nowhere.status_code, nowhere.json()["code"]) == (400, "store_missing")
    unknown = shop.caller().send("GET", "/products", headers={"Host": "nobody-has-this.localhost"})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "store_not_found")


def test_a_token_of_another_tenant_is_refused(shop: Shop, seller: Seller) -> None:
    stranger = Buyer.guest(Seller.onboard(shop))
    api = Caller(shop, stranger.tokens["access_token"], seller.slug)
    answer = api.send("GET", "/cart")
    assert (answer.status_code, answer.json()["code"]) == (403, "tenant_mismatch")
    host = {"Host": f"{seller.slug}.localhost"}
    answer = shop.caller(stranger.tokens["access_token"]).send("GET", "/cart", headers=host)
    assert (answer.status_code, answer.json()["code"]) == (403, "tenant_mismatch")


def test_buyers_see_what_is_published(seller: Seller) -> None:
    shop, made = seller.shop, seller.api.call("POST", "/products", 201, json={"name": "A draft"})
    everybody = shop.caller(store=seller.slug)
    assert everybody.call("GET", "/products")["items"] == []
    assert everybody.send("GET", f"/products/{made['id']}").status_code == 404
    assert seller.api.call("GET", f"/products/{made['id']}")["status"] == "draft"
    public = everybody.call("GET", "/stores/resolve")
    assert not {"payment_window_s", "low_stock_email", "status", "version"} & set(public)


def test_a_suspended_store_is_closed_to_buyers(seller: Seller) -> None:
    everybody = seller.shop.caller(store=seller.slug)
    seller.api.call("POST", f"/stores/{seller.store['id']}/status", json={"status": "suspended"})
    wait_for("the store gone for buyers", lambda: everybody.send("GET", "/products").status_code,
             lambda status: status == 404, within_s=60, every_s=1)  # fmt: skip
    assert seller.api.call("GET", f"/stores/{seller.store['id']}")["status"] == "suspended"


def test_a_slug_is_one_tenants(shop: Shop, seller: Seller) -> None:
    rival = Seller.onboard(shop)
    body = {"name": "Rival", "slug": seller.slug, "currency": "NGN", "timezone": "Africa/Lagos"}
    answer = rival.api.send("POST", "/stores", json=body)
    assert answer.status_code in (403, 409) and answer.json()["code"] in ("plan_limit", "slug_taken"), answer.text


def test_an_etag_guards_against_lost_changes(seller: Seller) -> None:
    path = f"/stores/{seller.store['id']}"
    etag = seller.api.send("GET", path).headers["etag"]
    seller.api.call("PATCH", path, json={"description": "First"}, headers={"If-Match": etag})
    late = seller.api.send("PATCH", path, json={"description": "Second"}, headers={"If-Match": etag})
    assert late.status_code == 412
    assert seller.api.call("GET", path)["description"] == "First"
