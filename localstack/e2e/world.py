"""Two tenants with something of everything, for tests that walk all endpoints."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

from .operations import PREFIXES, ROLES, Operation, with_ids
from .shop import Buyer, Caller, Order, Product, Seller, Shop, claims_of, new_key
from .tokens import Mint, new_id

Json = dict[str, Any]


@dataclass
class Tenant:
    seller: Seller
    product: Product
    coupon: Json
    rate_rule: Json
    buyer: Buyer
    order: Order

    @classmethod
    def make(cls, shop: Shop) -> Tenant:
        seller = Seller.onboard(shop)
        product = seller.product("A novel", {"PB": (450_000, 100)})
        coupon = seller.coupon("SAVE10", 1_000)
        rule = {"class": "write", "subject": "account", "per_minute": 100_000, "burst": 100_000}
        rate_rule = seller.api.call("POST", "/rate-rules", 201, json=rule)
        buyer = Buyer.guest(seller)
        buyer.add(product.only)
        return cls(seller, product, coupon, rate_rule, buyer, buyer.order())

    @functools.cached_property
    def ids(self) -> dict[str, str]:
        """One of each kind that this tenant has."""
        return {
            "TenantId": self.seller.tenant_id, "StoreId": self.seller.store["id"],
            "AccountId": self.seller.account["id"],
            "SessionId": claims_of(self.seller.tokens["access_token"])["sid"],
            "ProductId": self.product.id, "VariantId": self.product.only.id, "OrderId": self.order.id,
            "OnboardingId": new_id("onb"), "CartId": new_id("car"), "PaymentId": new_id("pay"),
            "RefundId": new_id("ref"), "ReturnId": new_id("ret"), "CouponId": self.coupon["id"],
            "RateRuleId": self.rate_rule["id"],
        }  # fmt: skip

    def state(self) -> list[Any]:
        """What a stranger must not be able to change."""
        api = self.seller.api
        return [
            api.call("GET", "/stores"),
            api.call("GET", f"/products/{self.product.id}"),
            self.seller.stock(self.product.only),
            api.call("GET", f"/coupons/{self.coupon['id']}"),
            api.call("GET", "/rate-rules"),
            api.call("GET", f"/inventory/{self.product.only.id}/movements"),
            [(order["id"], order["version"]) for order in self.seller.orders()],
            self.buyer.cart()["lines"],
        ]

    def secrets(self) -> list[str]:
        """Nobody else may ever be told these."""
        return [self.seller.email, self.buyer.email, self.order.number, self.seller.tenant_id]


def unknown_ids() -> dict[str, str]:
    return {kind: new_id(prefix) for kind, prefix in PREFIXES.items()}


class World:
    def __init__(self, shop: Shop) -> None:
        self.shop, self.mint = shop, Mint(shop)
        self.ours, self.theirs = Tenant.make(shop), Tenant.make(shop)

    def caller(self, role: str | None, store: str | None = None) -> Caller:
        """Somebody of our tenant, for our store unless another is given."""
        token = self.mint.token(role, self.ours.seller.tenant_id) if role else None
        return self.shop.caller(token, self.ours.seller.slug if store is None else store)

    def some_caller(self, operation: Operation) -> Caller:
        """One who may."""
        return self.caller(operation.roles[0] if operation.roles else None)

    def send(self, caller: Caller, operation: Operation, ids: dict[str, str], **rest: Any) -> Any:
        """A good request, with these ids in its path and body."""
        body = with_ids(operation, ids)
        if body is not None:
            rest.setdefault("json", body)
        return caller.send(operation.method, operation.url(ids), key=new_key(), **rest)


def others(operation: Operation) -> list[str]:
    return [role for role in ROLES if role not in operation.roles]
