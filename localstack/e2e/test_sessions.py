"""Signing in and out."""

from __future__ import annotations

import pytest

from .shop import PASSWORD, Buyer, Onboarding, Refused, Seller, Shop, new_key
from .tokens import claims_of


def test_a_seller_signs_in_refreshes_and_out(shop: Shop, seller: Seller) -> None:
    again = Seller.login(shop, seller.email)
    assert (again.tenant_id, again.tokens["role"]) == (seller.tenant_id, "owner")
    claims = claims_of(again.tokens["access_token"])
    assert (claims["tid"], claims["sub"], claims["role"]) == (seller.tenant_id, seller.account["id"], "owner")
    assert claims["exp"] - claims["iat"] == 900

    api = shop.caller()
    first = again.tokens["refresh_token"]
    second = api.call("POST", "/auth/refresh", json={"refresh_token": first})
    assert second["refresh_token"] != first
    assert shop.caller(second["access_token"]).call("GET", "/auth/me")["email"] == seller.email

    shop.caller(second["access_token"]).call("POST", "/auth/logout")
    for token in (first, second["refresh_token"]):
        answer = api.send("POST", "/auth/refresh", json={"refresh_token": token})
        assert answer.status_code == 401, "signed out: nothing refreshes any more"


def test_a_used_refresh_token_is_a_lost_answer_at_first(shop: Shop, seller: Seller) -> None:
    """Within ten seconds both may be the honest client; that it is theft later is tested with a clock of its own."""
    tokens = Seller.login(shop, seller.email).tokens
    api, body = shop.caller(), {"refresh_token": tokens["refresh_token"]}
    assert api.send("POST", "/auth/refresh", json=body).status_code == 200
    assert api.send("POST", "/auth/refresh", json=body).status_code in (200, 409)


def test_unknown_and_wrong_answer_alike(shop: Shop, seller: Seller) -> None:
    def answer(email: str, password: str) -> tuple:
        got = shop.caller().send("POST", "/auth/login", json={"email": email, "password": password})
        return got.status_code, got.json()["code"], got.json()["detail"]

    wrong = answer(seller.email, "not the password")
    assert wrong == answer("nobody-at-all@example.com", PASSWORD) and wrong[0] == 401


def test_a_customer_registers_and_keeps_the_guests_cart(seller: Seller) -> None:
    product = seller.product("A novel", {"PB": (450_000, 50), "HB": (900_000, 50)})
    guest = Buyer.guest(seller)
    guest.add(product.variant("PB"), 3)
    guest.add(product.variant("HB"), 1)
    customer = Buyer.register(seller)
    assert customer.tokens["role"] == "customer"
    customer.add(product.variant("PB"), 1)
    merged = customer.api.call("POST", "/cart/merge", json={"guest_token": guest.tokens["access_token"]})
    lines = {line["variant_id"]: line["quantity"] for line in merged["lines"]}
    assert lines == {product.variant("PB").id: 3, product.variant("HB").id: 1}, "the larger quantity stays"
    assert guest.cart()["lines"] == []
    again = customer.api.call("POST", "/cart/merge", json={"guest_token": guest.tokens["access_token"]})
    assert {line["variant_id"]: line["quantity"] for line in again["lines"]} == lines

    order = customer.order()
    order.pay()
    order.wait_until("confirmed")
    assert [o["id"] for o in customer.api.pages("/orders")] == [order.id]
    assert guest.api.pages("/orders") == []


def test_a_guest_of_another_tenant_cannot_be_merged(shop: Shop, seller: Seller) -> None:
    customer, stranger = Buyer.register(seller), Buyer.guest(Seller.onboard(shop))
    for token in (stranger.tokens["access_token"], customer.tokens["access_token"], seller.tokens["access_token"], "x"):
        answer = customer.api.send("POST", "/cart/merge", json={"guest_token": token})
        assert 400 <= answer.status_code < 500, answer.text


def test_onboarding_goes_step_by_step(shop: Shop) -> None:
    onboarding = Onboarding(shop, f"step-by-step-{new_key()}@example.com")
    onboarding.start()
    for step, body in (("password", {"password": PASSWORD}), ("complete", None)):
        with pytest.raises(Refused) as refused:
            onboarding.step(step, body)
        assert refused.value.status == 409, "not before the address is verified"
    with pytest.raises(Refused) as refused:
        onboarding.step("verify-email", {"code": "000000"})
    assert refused.value.status == 422
    stranger = Onboarding(shop, "x@example.com")
    stranger.id, stranger.token = onboarding.id, "somebody-elses"
    with pytest.raises(Refused) as refused:
        stranger.step("verify-email", {"code": "000000"})
    assert refused.value.status == 404
    assert onboarding.verify_email()["step"] == "set_password"
