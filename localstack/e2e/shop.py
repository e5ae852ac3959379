"""Sellers and buyers, as people: what they do is one call here and the real requests underneath.

    shop = Shop(settings.from_environment())
    seller = Seller.onboard(shop)
    book = seller.product("Things Fall Apart", {"PB": (450_000, 10)})
    buyer = Buyer.guest(seller)
    buyer.add(book.variant("PB"), 2)
    order = buyer.order()
    order.pay("success")
    order.wait_until("confirmed")
"""

from __future__ import annotations

import base64
import functools
import json
import re
import secrets
import time
from dataclasses import dataclass, field
from typing import Any

import httpx
from settings import Stack

from .cloud import Cloud, Mail
from .paystack_sandbox import Paystack
from .waiting import WITHIN_S, wait_for

PASSWORD = "correct horse battery"
CURRENCY = "NGN"
# API Gateway gives up after 30 s; the answer to that must still come through.
ANSWER_WITHIN_S = 40.0
# How long a patient client goes on asking or waiting, and how often it asks.
PATIENCE_S = 120.0
ASK_AGAIN_AFTER_S = 0.3
# Tokens are refreshed when they are good for less than this.
FRESH_FOR_S = 120.0
# From these no order moves by itself any more.
FINAL = ("confirmed", "fulfilled", "completed", "cancelled", "refunded")

Json = dict[str, Any]


class Refused(AssertionError):
    """An answer other than the one that was expected."""

    def __init__(self, answer: httpx.Response, expected: int) -> None:
        request = answer.request
        super().__init__(f"{request.method} {request.url.path}: expected {expected}, got {answer.status_code} "
                         f"{answer.text[:800]}")  # fmt: skip
        self.answer = answer
        self.status = answer.status_code
        self.problem: Json = answer.json() if "json" in answer.headers.get("content-type", "") else {}
        self.code = self.problem.get("code")


def new_key() -> str:
    return secrets.token_hex(16)


def claims_of(token: str) -> Json:
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


class Shop:
    """The running stack."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=200, keepalive_expiry=30)
        self.http = httpx.Client(trust_env=False, timeout=ANSWER_WITHIN_S, limits=limits)
        # Not "localhost": some systems ask for ::1 first, where nobody listens.
        self.url = f"http://127.0.0.1:{stack.port}"
        self.paystack = Paystack(stack, self.http)
        self.cloud = Cloud(stack, self.http)

    def is_up(self) -> bool:
        try:
            return self.http.get(f"{self.url}/health").status_code == 200
        except httpx.HTTPError:
            return False

    def caller(self, token: str | None = None, store: str | None = None, *, patient: bool = False) -> Caller:
        return Caller(self, token, store, patient)

    def fresh(self, tokens: Json) -> Json:
        """Tokens that are good for a while: these, or the ones after them."""
        if claims_of(tokens["access_token"])["exp"] - time.time() > FRESH_FOR_S:
            return tokens
        return self.caller(patient=True).call("POST", "/auth/refresh", json={"refresh_token": tokens["refresh_token"]})

    def code_sent_to(self, email: str, *, after: int = 0) -> str:
        """The one-time code in the newest mail to an address, which has to be a later one than the first `after`."""
        mails = wait_for(f"a code for {email}", lambda: self.cloud.mails(email), lambda found: len(found) > after)
        return re.search(r"\b\d{6}\b", mails[-1].text)[0]  # type: ignore[index]


@dataclass(frozen=True)
class Caller:
    """Whoever sends requests: with a token, for a store, or without."""

    shop: Shop
    token: str | None = None
    store: str | None = None
    # Asks again, with the same idempotency key, when the platform fails or asks it to.
    patient: bool = False

    def send(self, method: str, path: str, *, key: str | None = None, headers: dict[str, str] | None = None,
             **rest: Any) -> httpx.Response:  # fmt: skip
        """Any answer. POST always carries an idempotency key; `key=""` leaves it out."""
        sent = {}
        if self.token:
            sent["Authorization"] = f"Bearer {self.token}"
        if self.store:
            sent["X-Store"] = self.store
        if method == "POST" and key != "":
            sent["Idempotency-Key"] = key or new_key()
        sent |= headers or {}
        deadline = time.monotonic() + (PATIENCE_S if self.patient else 0.0)
        while True:
            try:
                answer = self.shop.http.request(method, self.shop.url + path, headers=sent, **rest)
            except httpx.HTTPError:
                if time.monotonic() > deadline:
                    raise
            else:
                if not _may_be_asked_again(answer) or time.monotonic() > deadline:
                    return answer
            time.sleep(ASK_AGAIN_AFTER_S)

    def call(self, method: str, path: str, expect: int = 200, **rest: Any) -> Any:
        """The body of the answer, which has to have the status expected."""
        answer = self.send(method, path, **rest)
        if answer.status_code != expect:
            raise Refused(answer, expect)
        return answer.json() if answer.content else None

    def pages(self, path: str, **query: Any) -> list[Json]:
        """All items of a list."""
        items: list[Json] = []
        while True:
            page = self.call("GET", path, params=query)
            items += page["items"]
            if not page["next_cursor"]:
                return items
            query["cursor"] = page["next_cursor"]


def _may_be_asked_again(answer: httpx.Response) -> bool:
    return answer.status_code >= 500 or answer.status_code == 429 or (
        answer.status_code == 409 and answer.headers.get("retry-after") is not None
    )  # fmt: skip


class Onboarding:
    """A seller's way in, step by step."""

    def __init__(self, shop: Shop, email: str, name: str = "Ada Obi") -> None:
        self.shop, self.email, self.name, self._caller = shop, email, name, shop.caller()
        self.id = self.token = ""

    def start(self) -> Json:
        known = len(self.shop.cloud.mails(self.email))
        body = {"email": self.email, "full_name": self.name, "tenant_name": f"{self.name}'s shop",
                "kind": "individual"}  # fmt: skip
        started = self._caller.call("POST", "/onboarding", 201, json=body)
        self.id, self.token, self._mails_before = started["id"], started["onboarding_token"], known
        return started

    def verify_email(self) -> Json:
        return self.step("verify-email", {"code": self.shop.code_sent_to(self.email, after=self._mails_before)})

    def set_password(self, password: str = PASSWORD) -> Json:
        return self.step("password", {"password": password})

    def set_profile(self, store_name: str, slug: str, currency: str = CURRENCY) -> Json:
        body = {"store_name": store_name, "store_slug": slug, "currency": currency, "timezone": "Africa/Lagos"}
        return self.step("profile", body)

    def complete(self) -> Seller:
        done = self.step("complete", None, 201)
        return Seller(self.shop, self.email, done["tokens"], done["tenant"], done["store"], done["account"])

    def step(self, name: str, body: Json | None, expect: int = 200) -> Json:
        path, headers = f"/onboarding/{self.id}/{name}", {"X-Onboarding-Token": self.token}
        return self._caller.call("POST", path, expect, json=body, headers=headers)


@dataclass(frozen=True)
class Variant:
    product_id: str
    id: str
    sku: str
    price_minor: int


@dataclass(frozen=True)
class Product:
    id: str
    name: str
    slug: str
    variants: dict[str, Variant]

    def variant(self, sku: str) -> Variant:
        return self.variants[sku]

    @property
    def only(self) -> Variant:
        (variant,) = self.variants.values()
        return variant


@dataclass
class Seller:
    """The owner of a tenant, signed in."""

    shop: Shop
    email: str
    tokens: Json
    tenant: Json
    store: Json
    account: Json

    @classmethod
    def onboard(cls, shop: Shop, *, email: str | None = None, password: str = PASSWORD, slug: str | None = None,
                store: str = "Ada Books", **settings: Any) -> Seller:  # fmt: skip
        """From nothing to an open store; `settings` as in PATCH /stores/{id}."""
        unique = secrets.token_hex(6)
        onboarding = Onboarding(shop, email or f"seller-{unique}@example.com")
        onboarding.start()
        onboarding.verify_email()
        onboarding.set_password(password)
        onboarding.set_profile(store, slug or f"shop-{unique}")
        seller = onboarding.complete()
        seller.open_store(**settings)
        return seller

    @classmethod
    def login(cls, shop: Shop, email: str, password: str = PASSWORD) -> Seller:
        caller = shop.caller()
        tokens = caller.call("POST", "/auth/login", json={"email": email, "password": password})
        signed_in = shop.caller(tokens["access_token"])
        (store, *_) = signed_in.call("GET", "/stores")["items"]
        account = signed_in.call("GET", "/auth/me")
        return cls(shop, email, tokens, {"id": tokens["tenant_id"]}, store, account)

    @property
    def tenant_id(self) -> str:
        return self.tenant["id"]

    @property
    def slug(self) -> str:
        return self.store["slug"]

    @property
    def api(self) -> Caller:
        self.tokens = self.shop.fresh(self.tokens)
        return self.shop.caller(self.tokens["access_token"], self.store["id"])

    def open_store(self, **settings: Any) -> Json:
        """The tenant's store, with these settings and open to buyers."""
        path = f"/stores/{self.store['id']}"
        if settings:
            self.store = self.api.call("PATCH", path, json=settings)
        if self.store["status"] != "active":
            self.store = self.api.call("POST", f"{path}/status", json={"status": "active"})
        return self.store

    def product(self, name: str, variants: dict[str, tuple[int, int]]) -> Product:
        """On sale: SKU -> (price in minor units, units in stock)."""
        inputs = [
            {"sku": sku, "name": sku, "price": {"amount_minor": price, "currency": self.store["currency"]}}
            for sku, (price, _) in variants.items()
        ]
        made = self.api.call("POST", "/products", 201, json={"name": name, "variants": inputs})
        known = {v["sku"]: Variant(made["id"], v["id"], v["sku"], v["price"]["amount_minor"])
                 for v in made["variants"]}  # fmt: skip
        for sku, (_, units) in variants.items():
            if units:
                self.adjust(known[sku], units, "initial")
        self.api.call("POST", f"/products/{made['id']}/status", json={"status": "active"})
        return Product(made["id"], made["name"], made["slug"], known)

    def coupon(self, code: str, basis_points: int, **terms: Any) -> Json:
        """A share of the goods off; `terms` as in POST /coupons."""
        body = {"code": code, "discount": {"kind": "percentage", "basis_points": basis_points}} | terms
        return self.api.call("POST", "/coupons", 201, json=body)

    def adjust(self, variant: Variant, delta: int, reason: str = "restock") -> Json:
        return self.api.call("POST", f"/inventory/{variant.id}/adjust", json={"delta": delta, "reason": reason})

    def stock(self, variant: Variant) -> Json:
        return self.api.call("GET", f"/inventory/{variant.id}")

    def units(self, variant: Variant) -> tuple[int, int]:
        """(on hand, reserved)"""
        stock = self.stock(variant)
        return stock["on_hand"], stock["reserved"]

    def orders(self, **query: Any) -> list[Json]:
        return self.api.pages("/admin/orders", limit=100, **query)


@dataclass
class Buyer:
    """A guest, or a customer, of one store."""

    seller: Seller
    tokens: Json
    email: str
    name: str = "Chi Eze"
    patient: bool = False
    orders: list[Order] = field(default_factory=list)

    @classmethod
    def guest(cls, seller: Seller, *, patient: bool = False) -> Buyer:
        caller = seller.shop.caller(store=seller.slug, patient=patient)
        tokens = caller.call("POST", "/auth/guest", 201)
        return cls(seller, tokens, f"buyer-{secrets.token_hex(6)}@example.com", patient=patient)

    @classmethod
    def register(cls, seller: Seller) -> Buyer:
        """A customer with an account, signed in."""
        email, caller = f"buyer-{secrets.token_hex(6)}@example.com", seller.shop.caller(store=seller.slug)
        body = {"email": email, "password": PASSWORD, "full_name": "Chi Eze"}
        sent = caller.call("POST", "/auth/register", 202, json=body)
        code = seller.shop.code_sent_to(email)
        proof = {"verification_token": sent["verification_token"], "code": code}
        tokens = caller.call("POST", "/auth/verify-email", json=proof)
        return cls(seller, tokens, email)

    @property
    def shop(self) -> Shop:
        return self.seller.shop

    @property
    def id(self) -> str:
        return self.tokens["account_id"]

    @property
    def api(self) -> Caller:
        self.tokens = self.shop.fresh(self.tokens)
        return self.shop.caller(self.tokens["access_token"], self.seller.slug, patient=self.patient)

    def add(self, variant: Variant, quantity: int = 1) -> Json:
        body = {"product_id": variant.product_id, "variant_id": variant.id, "quantity": quantity}
        return self.api.call("POST", "/cart/items", json=body)

    def apply(self, code: str) -> Json:
        """The cart, with this coupon in it."""
        return self.api.call("POST", "/cart/coupon", json={"code": code})

    def cart(self) -> Json:
        return self.api.call("GET", "/cart")

    def checkout(self, **more: Any) -> Json:
        """What POST /orders is sent."""
        body: Json = {"customer": {"name": self.name, "email": self.email}}
        if methods := self.seller.store["shipping_methods"]:
            body["shipping_method"] = methods[0]["id"]
            body["shipping_address"] = {"full_name": self.name, "address": "12 Allen Avenue", "city": "Ikeja",
                                        "country": "NG"}  # fmt: skip
        return body | more

    def order(self, *, key: str | None = None, **more: Any) -> Order:
        """Orders what is in the cart."""
        placed = self.api.call("POST", "/orders", 201, key=key, json=self.checkout(**more))
        order = Order(self, placed)
        self.orders.append(order)
        return order

    def buy(self, variant: Variant, quantity: int = 1, card: str = "success") -> Order:
        self.add(variant, quantity)
        order = self.order()
        order.pay(card)
        return order

    def pay(self, card: str = "success") -> bool:
        return self.orders[-1].pay(card)

    def mails(self) -> list[Mail]:
        return self.shop.cloud.mails(self.email)


@dataclass
class Order:
    """An order, as its buyer follows it."""

    buyer: Buyer
    placed: Json

    @property
    def id(self) -> str:
        return self.placed["id"]

    @property
    def number(self) -> str:
        return self.placed["number"]

    @property
    def total_minor(self) -> int:
        return self.placed["totals"]["total"]["amount_minor"]

    @property
    def reference_prefix(self) -> str:
        """What this order's references at the provider start with."""
        tenant, order = self.buyer.seller.tenant_id, self.id
        return f"{tenant.partition('_')[2]}-{order.partition('_')[2]}-"

    def now(self) -> Json:
        return self.buyer.api.call("GET", f"/orders/{self.id}")

    def status(self) -> str:
        return self.now()["status"]

    def timeline(self) -> list[str]:
        """The events it went through."""
        return [step["event"] for step in self.buyer.api.call("GET", f"/orders/{self.id}/timeline")["items"]]

    def payment(self) -> Json | None:
        """None until it has been opened."""
        answer = self.buyer.api.send("GET", f"/orders/{self.id}/payment")
        if answer.status_code == 404:
            return None
        if answer.status_code != 200:
            raise Refused(answer, 200)
        return answer.json()

    def checkout(self) -> Json:
        """The payment, once there is a page to pay on."""
        what, within_s = f"a checkout for order {self.number}", PATIENCE_S if self.buyer.patient else WITHIN_S
        return wait_for(what, self.payment, lambda p: p and p["checkout_url"], within_s=within_s) or {}

    @functools.cached_property
    def reference(self) -> str:
        """Of its payment at the provider."""
        opened = wait_for(f"the payment of order {self.number}", self.payment, lambda p: p and p["reference"])
        return (opened or {})["reference"]

    def pay(self, card: str = "success") -> bool:
        """On the provider's page, as soon as there is one; whether the card was taken."""
        return self.buyer.shop.paystack.pay_on_page(self.checkout()["checkout_url"], card)

    def cancel(self) -> Json:
        return self.buyer.api.call("POST", f"/orders/{self.id}/cancel")

    def fulfil(self, status: str, **more: Any) -> Json:
        """The seller says where the goods are."""
        return self.buyer.seller.api.call("POST", f"/orders/{self.id}/fulfilment", json={"status": status, **more})

    def ask_return(self, variant: Variant, quantity: int = 1, reason: str = "Too small") -> Json:
        body = {"lines": [{"variant_id": variant.id, "quantity": quantity}], "reason": reason}
        return self.buyer.api.call("POST", f"/orders/{self.id}/returns", 201, json=body)

    def decide_return(self, return_id: str, **decision: Any) -> Json:
        path = f"/orders/{self.id}/returns/{return_id}/decide"
        return self.buyer.seller.api.call("POST", path, json=decision)

    def wait_until(self, *statuses: str, within_s: float = WITHIN_S) -> Json:
        """Until it is in one of these states; a final state that is none of them ends the wait at once."""
        known: Json = {}

        def look() -> Json:
            nonlocal known
            known = self.now()
            return known

        def is_there(now: Json) -> bool:
            stuck = now["status"] in FINAL and now["status"] not in statuses and now["status"] != "cancelled"
            assert not stuck, f"order {self.number} is {now['status']} for good, not {' or '.join(statuses)}"
            return now["status"] in statuses

        return wait_for(f"order {self.number} {' or '.join(statuses)}", look, is_there, within_s=within_s)

    def wait_for_payment(self, *statuses: str, within_s: float = WITHIN_S) -> Json:
        what = f"the payment of order {self.number} {' or '.join(statuses)}"
        return wait_for(what, self.payment, lambda p: p and p["status"] in statuses, within_s=within_s) or {}

    def book(self) -> list[Json]:
        """What the provider's own books say of it."""
        return self.buyer.shop.paystack.books(self.reference_prefix)

    def ledger(self) -> list[Json]:
        pk = f"T#{self.buyer.seller.tenant_id}#PAYMENT#{self.id}"
        return [item.data for item in self.buyer.shop.cloud.partition("payments", pk, "LEDGER#")]

    def reservation(self) -> Json:
        pk = f"T#{self.buyer.seller.tenant_id}#RESERVATION#{self.id}"
        item = self.buyer.shop.cloud.item("inventory", pk, "RESERVATION")
        assert item, f"order {self.number} has no reservation"
        return item.data

    def notifications(self) -> list[Json]:
        pk = f"T#{self.buyer.seller.tenant_id}#ABOUT#{self.id}"
        return [item.data for item in self.buyer.shop.cloud.partition("notifications", pk)]
