"""The provider goes silent: what it did is found out by asking, and counts once."""

from __future__ import annotations

from .invariants import check_at_rest
from .shop import Buyer, Seller, Shop
from .waiting import wait_for

PRICE = 450_000


def test_charged_and_never_told(shop: Shop, seller: Seller) -> None:
    """It takes the money, never calls, and does not answer for a while either."""
    buyer = Buyer.guest(seller)
    buyer.add(seller.product("A novel", {"PB": (PRICE, 5)}).only)
    order = buyer.order()
    reference = order.reference
    shop.paystack.fault("webhook_missing", reference=reference, times=None)
    shop.paystack.fault("timeout", on="verify", seconds=4, reference=reference)
    shop.paystack.fault("answer_lost", on="verify", reference=reference, times=2)
    shop.paystack.fault("error_5xx", on="verify", reference=reference)
    shop.paystack.charge(reference)
    order.wait_until("confirmed", within_s=90)
    check_at_rest(seller)
    (book,) = order.book()
    assert (book["captures"], book["captured_minor"]) == (1, order.total_minor)


def test_a_checkout_whose_opening_was_lost_is_opened_again_and_paid_once(shop: Shop, seller: Seller) -> None:
    variant = seller.product("A novel", {"PB": (PRICE, 5)}).only
    buyer = Buyer.guest(seller)
    buyer.add(variant)
    # Not known beforehand by its reference; the next checkout that anybody opens is hit, which is no harm.
    shop.paystack.fault("answer_lost", on="initialize")
    order = buyer.order()
    order.pay()
    order.wait_until("confirmed", within_s=90)
    check_at_rest(seller)
    assert sum(book["captures"] for book in order.book()) == 1


def test_paid_with_another_card_after_a_declined_one_and_never_told(shop: Shop, seller: Seller) -> None:
    """The provider lets a buyer try again on the page that is still open, and the order waits for it."""
    variant = seller.product("A novel", {"PB": (PRICE, 5)}).only
    buyer = Buyer.guest(seller)
    buyer.add(variant)
    order = buyer.order()
    shop.paystack.fault("webhook_missing", reference=order.reference, times=None)
    order.pay("declined")
    wait_for("the declined card", order.payment, lambda payment: payment and payment["last_error"])
    shop.paystack.charge(order.reference, "success")
    order.wait_until("confirmed", within_s=90)
    check_at_rest(seller)
    assert seller.units(variant) == (4, 0)


def test_a_webhook_that_comes_first_and_one_that_comes_late(shop: Shop, seller: Seller) -> None:
    """Reordered and late deliveries of a charge and its refund end where orderly ones do."""
    variant = seller.product("A novel", {"PB": (PRICE, 5)}).only
    buyer = Buyer.guest(seller)
    buyer.add(variant)
    order = buyer.order()
    shop.paystack.fault("webhook_late", seconds=3, reference=order.reference, event="charge.success")
    shop.paystack.fault("webhook_duplicated", copies=3, reference=order.reference, times=4)
    order.pay()
    order.wait_until("confirmed")
    order.cancel()
    order.wait_until("refunded")
    check_at_rest(seller)


def test_a_refund_whose_answer_is_lost_is_not_made_twice(shop: Shop, seller: Seller) -> None:
    variant = seller.product("A novel", {"PB": (PRICE, 5)}).only
    order = Buyer.guest(seller).buy(variant)
    order.wait_until("confirmed")
    shop.paystack.fault("answer_lost", on="refund", reference=order.reference)
    order.cancel()
    order.wait_until("refunded", within_s=120)
    check_at_rest(seller)
    (book,) = order.book()
    assert [refund["amount_minor"] for refund in book["refunds"]] == [order.total_minor]
