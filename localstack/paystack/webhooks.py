"""Signing, sending and retrying webhooks, and remembering every attempt.

Paystack signs the raw body with HMAC-SHA512 under the merchant's secret key and retries whatever is not answered 200:
every 3 minutes four times, then hourly for 72 hours. The schedule is scaled, so that a test sees a retry at once.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import itertools
import json
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from .books import Account, now
from .faults import Fault, Faults
from .shapes import timestamp

RETRY_AFTER_S = (*[180.0] * 4, *[3600.0] * 72)
ANSWER_WITHIN_S = 10.0
FORGERS_KEY = "sk_test_not_the_merchants_key"


def sign(body: bytes, secret_key: str) -> str:
    return hmac.new(secret_key.encode(), body, hashlib.sha512).hexdigest()


@dataclass
class Attempt:
    at: str | None
    status: int | None  # None: no answer
    error: str | None = None


@dataclass
class Delivery:
    """One message to one address. A duplicate, a forgery and the genuine one are three deliveries."""

    id: int
    account: Account
    event: str
    reference: str | None
    body: bytes
    signature: str
    note: str  # genuine, or the fault that made it what it is
    attempts: list[Attempt] = field(default_factory=list)
    state: str = "waiting"  # waiting, delivered, given_up, dropped

    def describe(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "event": self.event,
            "reference": self.reference,
            "note": self.note,
            "state": self.state,
            "url": self.account.webhook_url,
            "body": self.body.decode("utf-8", "replace"),
            "signature": self.signature,
            "attempts": [vars(attempt) for attempt in self.attempts],
        }


class Webhooks:
    def __init__(self, faults: Faults, *, retry_scale: float) -> None:
        self.retry_scale = retry_scale
        self.deliveries: list[Delivery] = []
        self._faults = faults
        self._ids = itertools.count(1)
        self._held: dict[str, list[Delivery]] = {}  # reordered ones, by secret key
        self._tasks: set[asyncio.Task[None]] = set()
        self._session: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ANSWER_WITHIN_S))

    async def stop(self) -> None:
        self.cancel()
        if self._session is not None:
            await self._session.close()

    def cancel(self) -> None:
        """Nothing planned is sent any more."""
        for task in self._tasks:
            task.cancel()
        self._held.clear()

    def reset(self) -> None:
        self.cancel()
        self.deliveries.clear()

    def announce(self, account: Account, message: dict[str, Any], reference: str) -> None:
        """Tells the merchant, unless a fault has it otherwise. Returns at once."""
        event = message["event"]
        fault = self._faults.strike("webhook", reference, event=event)
        for delivery in self._written(account, message, reference, fault):
            if fault is None or fault.kind in ("webhook_duplicated", "webhook_forged", "webhook_altered"):
                self.run(self._deliver(delivery))
            elif fault.kind == "webhook_missing":
                delivery.state = "dropped"
            elif fault.kind == "webhook_late":
                self.run(self._deliver(delivery, after_s=float(fault.params["seconds"])))
            elif fault.kind == "webhook_reordered":
                self._held.setdefault(account.secret_key, []).append(delivery)

    def _written(
        self, account: Account, message: dict[str, Any], reference: str, fault: Fault | None
    ) -> list[Delivery]:
        """The messages one event becomes."""
        body = json.dumps(message, separators=(",", ":")).encode()
        kind = fault.kind if fault else "genuine"
        params = fault.params if fault else {}

        def write(body: bytes, signature: str, note: str) -> Delivery:
            return self._remember(account, message["event"], reference, body, signature, note)

        signature = sign(body, account.secret_key)
        if kind == "webhook_duplicated":
            return [write(body, signature, kind) for _ in range(int(params["copies"]))]
        if kind == "webhook_forged":
            written = [write(body, sign(body, FORGERS_KEY), kind)]
        elif kind == "webhook_altered":
            data = message["data"]
            altered = {**message, "data": {**data, "amount": type(data["amount"])(int(data["amount"]) * 10)}}
            written = [write(json.dumps(altered, separators=(",", ":")).encode(), signature, kind)]
        else:
            return [write(body, signature, kind)]
        return [*written, write(body, signature, "genuine")] if params["genuine"] else written

    def _remember(
        self, account: Account, event: str, reference: str | None, body: bytes, signature: str, note: str
    ) -> Delivery:
        delivery = Delivery(next(self._ids), account, event, reference, body, signature, note)
        self.deliveries.append(delivery)
        return delivery

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Something that goes on after the request that caused it, until `cancel`."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, delivery: Delivery, *, after_s: float = 0.0) -> None:
        if after_s:
            await asyncio.sleep(after_s)
        if delivery.account.webhook_url is None:
            delivery.state = "dropped"
            return
        for wait_s in (*RETRY_AFTER_S, None):
            done = await self.send_once(delivery)
            self._release(delivery)
            if done:
                delivery.state = "delivered"
                return
            if wait_s is None:
                break
            await asyncio.sleep(wait_s * self.retry_scale)
        delivery.state = "given_up"

    def _release(self, sent: Delivery) -> None:
        """What was held back to arrive out of order goes out once another has."""
        for held in self._held.pop(sent.account.secret_key, []):
            self.run(self._deliver(held))

    async def send_once(self, delivery: Delivery) -> bool:
        """One POST; whether it was answered 200, which is all that counts."""
        assert self._session is not None, "start() first"
        headers = {"content-type": "application/json", "x-paystack-signature": delivery.signature,
                   "user-agent": "Paystack/2.0"}  # fmt: skip
        at = timestamp(now())
        try:
            async with self._session.post(
                str(delivery.account.webhook_url), data=delivery.body, headers=headers, allow_redirects=False
            ) as answer:
                await answer.read()
                delivery.attempts.append(Attempt(at, answer.status))
                return answer.status == 200
        except (TimeoutError, aiohttp.ClientError) as error:
            delivery.attempts.append(Attempt(at, None, type(error).__name__))
            return False

    async def send_again(self, delivery: Delivery, copies: int) -> list[int | None]:
        """The same message `copies` times at once; the status of each answer."""
        before = len(delivery.attempts)
        await asyncio.gather(*(self.send_once(delivery) for _ in range(copies)))
        return [attempt.status for attempt in delivery.attempts[before:]]

    async def send_own(self, account: Account, message: dict[str, Any], *, forged: bool) -> Delivery:
        """A message of the caller's choice, sent once."""
        body = json.dumps(message, separators=(",", ":")).encode()
        signature = sign(body, FORGERS_KEY if forged else account.secret_key)
        reference = (message.get("data") or {}).get("reference")
        delivery = self._remember(account, str(message.get("event")), reference, body, signature, "own")
        delivery.state = "delivered" if await self.send_once(delivery) else "given_up"
        return delivery
