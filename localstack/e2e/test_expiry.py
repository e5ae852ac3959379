"""Money that comes after the payment window has closed."""

from __future__ import annotations

import pytest

from .invariants import check_at_rest
from .shop import Buyer, Order, Seller, Shop
from .waiting import wait_for

PRICE = 450_000
# The shortest there is, and some for the machine.
WINDOW_S = 60
CLOSED_WITHIN_S = WINDOW_S + 45


@pytest.mark.long
@pytest.mark.deployed
def test_late_money_pays_the_order_or_goes_back(shop: Shop) -> None:
    """Three orders lapse. For the first there is still stock: it is taken again. The second's was sold to somebody
    else, the third was called off by its buyer: theirs goes back. Never both kept and cancelled."""
    seller = Seller.onboard(shop, payment_window_s=WINDOW_S)
    product = seller.product("A novel", {"PLENTY": (PRICE, 5), "LAST": (PRICE, 1), "OFF": (PRICE, 1)})
    revived, too_late, called_off = (_order(seller, product.variant(sku)) for sku in ("PLENTY", "LAST", "OFF"))
    assert seller.units(product.variant("LAST")) == (1, 1)
    called_off.cancel()

    for order in (revived, too_late, called_off):
        order.wait_until("cancelled", within_s=CLOSED_WITHIN_S)
    assert [o.now()["cancel_reason"] for o in (revived, too_late, called_off)] == ["expired", "expired", "buyer"]
    for sku, units in (("PLENTY", 5), ("LAST", 1), ("OFF", 1)):
        wait_for(f"{sku} back", lambda sku=sku: seller.units(product.variant(sku)), lambda n, u=units: n == (u, 0))
    somebody_else = Buyer.guest(seller).buy(product.variant("LAST"))
    somebody_else.wait_until("confirmed")

    for order in (revived, too_late, called_off):
        assert shop.paystack.charge(order.reference)["captures"] == 1, "the provider's page is still open"
    revived.wait_until("confirmed")
    too_late.wait_until("refunded")
    called_off.wait_until("refunded")
    check_at_rest(seller)
    assert seller.units(product.variant("PLENTY")) == (4, 0)
    assert seller.units(product.variant("LAST")) == (0, 0)
    assert seller.units(product.variant("OFF")) == (1, 0)
    for order in (too_late, called_off):
        (book,) = order.book()
        assert book["refunded_minor"] == book["captured_minor"] == order.total_minor


def _order(seller: Seller, variant) -> Order:  # noqa: ANN001
    buyer = Buyer.guest(seller)
    buyer.add(variant)
    order = buyer.order()
    assert order.reference
    return order
