"""What the endpoints share: books, faults, webhooks, and the steps that touch more than one of them."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass

from aiohttp import web

from . import shapes
from .books import Books, Card, Refund, Transaction
from .faults import Fault, Faults
from .webhooks import Webhooks

LOG = logging.getLogger("paystack")


@dataclass
class Settings:
    public_url: str  # where a browser finds the pay page
    retry_scale: float = 0.01  # 3 minutes become 1.8 s
    refund_step_s: float = 0.2  # between two states of a refund


class Sandbox:
    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.books = Books()
        self.faults = Faults()
        self.webhooks = Webhooks(self.faults, retry_scale=settings.retry_scale)

    def reset(self) -> None:
        self.books.forget_money()
        self.faults.reset()
        self.webhooks.reset()

    def charge(self, transaction: Transaction, card: Card) -> None:
        """The buyer pays with a card. There is no webhook for a refused one: Paystack sends none."""
        amount_minor, currency = transaction.requested_minor, transaction.currency
        if card.approved and not transaction.captures:
            if wrong := self.faults.strike("charge", transaction.reference, kinds=("wrong_amount",)):
                amount_minor = int(wrong.params["amount_minor"])
            if wrong := self.faults.strike("charge", transaction.reference, kinds=("wrong_currency",)):
                currency = str(wrong.params["currency"])
        if self.books.charge(transaction, card, amount_minor=amount_minor, currency=currency):
            LOG.info("%s captured %s %s", transaction.reference, amount_minor, currency)
            self.webhooks.announce(transaction.account, shapes.charge_success(transaction), transaction.reference)

    def start_refund(self, refund: Refund) -> None:
        """Announces it and lets it run its course."""
        self._announce_refund(refund)
        self.webhooks.run(self._carry_out(refund))

    def retry_refund(self, refund: Refund) -> None:
        refund.outcome = "processed"
        self.webhooks.run(self._carry_out(refund))

    async def _carry_out(self, refund: Refund) -> None:
        for status in ("processing", refund.outcome):
            await asyncio.sleep(self.settings.refund_step_s)
            self.books.advance_refund(refund, status)
            self._announce_refund(refund)

    def _announce_refund(self, refund: Refund) -> None:
        paid = refund.transaction
        self.webhooks.announce(paid.account, shapes.refund_event(refund), paid.reference)

    def refund_outcome(self, reference: str) -> str:
        fault = self.faults.strike("refund", reference)
        if fault is None:
            return "processed"
        return "failed" if fault.kind == "refund_failed" else "needs-attention"


async def lose_connection(request: web.Request) -> web.Response:
    """Nothing reaches the caller any more. The response is never sent; aiohttp wants one."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


async def instead_of_answer(request: web.Request, fault: Fault) -> web.Response:
    """What the caller sees of an API fault."""
    if fault.kind == "rate_limited":
        return web.json_response(shapes.failure("Too many requests"), status=429, headers={"Retry-After": "1"})
    if fault.kind == "error_5xx":
        # Not JSON: a proxy in front of the API speaks HTML.
        return web.Response(status=int(fault.params["status"]), text="<html><h1>Bad Gateway</h1></html>",
                            content_type="text/html")  # fmt: skip
    if fault.kind == "timeout":
        await asyncio.sleep(float(fault.params["seconds"]))
    return await lose_connection(request)


def took_effect(fault: Fault) -> bool:
    return fault.kind == "answer_lost" or bool(fault.params.get("took_effect"))


SANDBOX: web.AppKey[Sandbox] = web.AppKey("sandbox", Sandbox)
