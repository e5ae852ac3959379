"""Signing in and out."""

from __future__ import annotations

import pytest

from .shop import PASSWORD, Buyer, Onboarding, Refused, Seller, Shop, claims_of, new_key

pytestmark = pytest.mark.deployed


def test_a_seller_signs_in_refreshes_and_out(shop: Shop, seller: Seller) -> None:
    again = Seller.login(shop, seller.email)
    assert (again.tenant_id, again.tokens["role"]) == (seller.tenant_id, "owner")
    claims = claims_of(again.tokens["access_token"])
    assert (claims["tid"], claims["sub"], claims["role"]) == (seller.tenant_id, seller.account["id"], "owner")
    assert claims["exp"] - claims["iat"] == 240

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
    first = api.call("POST", "/auth/refresh", json=body)
    again = api.call("POST", "/auth/refresh", json=body)
    assert again["refresh_token"] == first["refresh_token"], "two tabs go on with one session"


def test_a_guest_signs_out(seller: Seller) -> None:
    guest = Buyer.guest(seller)
    guest.api.call("POST", "/auth/logout")
    body = {"refresh_token": guest.tokens["refresh_token"]}
    assert seller.shop.caller().send("POST", "/auth/refresh", json=body).status_code == 401


def test_a_forgotten_password_is_reset(seller: Seller) -> None:
    customer, api, new = Buyer.register(seller), seller.shop.caller(store=seller.slug), "another quiet bicycle"
    mails = len(seller.shop.cloud.mails(customer.email))
    sent = api.call("POST", "/auth/password/forgot", 202, json={"email": customer.email})
    code = seller.shop.code_sent_to(customer.email, after=mails)
    proof = {"verification_token": sent["verification_token"], "code": code}
    api.call("POST", "/auth/password/reset", json=proof | {"new_password": new})
    told = [mail.subject for mail in seller.shop.cloud.mails(customer.email)]
    assert "Your SellEasi password was changed" in told
    body = {"refresh_token": customer.tokens["refresh_token"]}
    assert api.send("POST", "/auth/refresh", json=body).status_code == 401, "all sessions have ended"
    login = {"email": customer.email, "password": PASSWORD}
    assert api.send("POST", "/auth/login", json=login).status_code == 401
    customer.tokens = api.call("POST", "/auth/login", json=login | {"password": new})


def test_a_changed_password_ends_other_sessions(seller: Seller) -> None:
    customer, api, new = Buyer.register(seller), seller.shop.caller(store=seller.slug), "another quiet bicycle"
    other = api.call("POST", "/auth/login", json={"email": customer.email, "password": PASSWORD})
    assert len(customer.api.pages("/auth/sessions")) == 2
    customer.api.call("POST", "/auth/password/change", json={"current_password": PASSWORD, "new_password": new})
    (current,) = customer.api.pages("/auth/sessions")
    assert current["current"]
    assert api.send("POST", "/auth/refresh", json={"refresh_token": other["refresh_token"]}).status_code == 401
    customer.api.call("DELETE", f"/auth/sessions/{current['id']}")
    body = {"refresh_token": customer.tokens["refresh_token"]}
    assert api.send("POST", "/auth/refresh", json=body).status_code == 401


def test_sessions_are_listed_and_one_is_ended_by_its_id(seller: Seller) -> None:
    customer, stranger = Buyer.register(seller), Buyer.register(seller)
    login = {"email": customer.email, "password": PASSWORD}
    other = seller.shop.caller(store=seller.slug).call("POST", "/auth/login", json=login)
    ids = [claims_of(tokens["access_token"])["sid"] for tokens in (customer.tokens, other)]
    sessions = customer.api.pages("/auth/sessions", limit=1)
    assert [(session["id"], session["current"]) for session in sessions] == [(ids[0], True), (ids[1], False)]
    assert {(session["tenant_id"], session["role"]) for session in sessions} == {(seller.tenant_id, "customer")}

    lost = f"/auth/sessions/{ids[1]}"
    assert stranger.api.send("DELETE", lost).status_code == 404, "nobody else's"
    customer.api.call("DELETE", lost)
    assert customer.api.send("DELETE", lost).status_code == 404, "it has ended"
    assert [session["id"] for session in customer.api.pages("/auth/sessions")] == [ids[0]]
    api = seller.shop.caller()
    assert api.send("POST", "/auth/refresh", json={"refresh_token": other["refresh_token"]}).status_code == 401
    api.call("POST", "/auth/refresh", json={"refresh_token": customer.tokens["refresh_token"]})


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
