"""The disk is full: what cannot be kept is not acknowledged, and reading goes on."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from .invariants import check_at_rest
from .process import own_process
from .shop import Buyer, Order, Refused, Seller, Shop, Variant

SHOPPERS = 8
# No file of the process may be larger. Some tens of orders fit.
FILE_BYTES_MAX = 6_000_000


def shop_until_refused(seller: Seller, variant: Variant) -> tuple[list[Order], Refused]:
    """Orders that were acknowledged, and the first refusal."""
    orders: list[Order] = []
    while True:
        try:
            buyer = Buyer.guest(seller)
            buyer.add(variant)
            orders.append(buyer.order())
        except Refused as refused:
            return orders, refused


@pytest.mark.alone
@pytest.mark.only_process
def test_what_was_acknowledged_is_there_when_the_disk_has_room_again(shop: Shop) -> None:
    with own_process(shop.stack, "full-disk") as process:
        process.start(FILE_BYTES_MAX)
        process.wait_until_up()
        seller = Seller.onboard(Shop(process.stack))
        product = seller.product("A novel", {"PB": (450_000, 100_000)})
        with ThreadPoolExecutor(SHOPPERS) as pool:
            shoppers = [pool.submit(shop_until_refused, seller, product.only) for _ in range(SHOPPERS)]
        orders = [order for shopper in shoppers for order in shopper.result()[0]]
        assert len(orders) >= SHOPPERS, "a test of nothing"
        for _, refused in (shopper.result() for shopper in shoppers):
            kind = refused.answer.headers["content-type"]
            assert (refused.status, kind) == (503, "application/problem+json"), str(refused)

        # It is full for everybody, and everybody can read.
        with pytest.raises(Refused) as again:
            Buyer.guest(seller).add(product.only)
        assert again.value.status == 503
        assert process.runs()
        visitor = seller.shop.caller(store=seller.slug)
        assert visitor.call("GET", f"/products/{product.id}")["name"] == product.name
        assert [item["id"] for item in visitor.call("GET", "/products")["items"]] == [product.id]
        assert all(order.status() == "pending" for order in orders)

        process.stop()
        process.start()
        process.wait_until_up()
        for number, order in enumerate(orders):
            if number % 2:
                order.pay("success")
            else:
                order.cancel()
        (books,) = check_at_rest(seller)
        statuses = {order: value["status"] for order, value in books.orders.items()}
        wanted = {order.id: "confirmed" if number % 2 else "cancelled" for number, order in enumerate(orders)}
        assert statuses == wanted
        process.stop()
        assert not process.broken_pages()
