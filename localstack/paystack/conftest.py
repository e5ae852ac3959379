"""A sandbox and a merchant's webhook endpoint, both real servers on free ports, for the tests beside this file."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from aiohttp import web

from paystack.sandbox import Settings
from paystack.server import build

SECRET_KEY = "sk_test_unit"
WAIT_S = 5.0


@dataclass
class Received:
    body: bytes
    headers: dict[str, str]

    @property
    def message(self) -> dict[str, Any]:
        return json.loads(self.body)


@dataclass
class Merchant:
    """Answers webhooks with `answers` in turn, then 200, and keeps what came."""

    url: str = ""
    received: list[Received] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def take(self, received: Received) -> int:
        with self.changed:
            self.received.append(received)
            self.changed.notify_all()
            return self.answers.pop(0) if self.answers else 200

    def wait_for(self, count: int) -> list[Received]:
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.received) >= count, WAIT_S), self.events()
            return list(self.received)

    def events(self) -> list[str]:
        return [one.message["event"] for one in self.received]


@pytest.fixture
def merchant() -> Iterator[Merchant]:
    merchant = Merchant()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            status = merchant.take(Received(body, {k.lower(): v for k, v in self.headers.items()}))
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    merchant.url = f"http://127.0.0.1:{server.server_port}/hook"
    yield merchant
    server.shutdown()
    server.server_close()


class Client:
    """The API as a merchant calls it, and the sandbox's own endpoints as a test does."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.http = httpx.Client(base_url=base, timeout=WAIT_S)
        self.merchant = {"Authorization": f"Bearer {SECRET_KEY}"}

    def initialize(self, **fields: Any) -> httpx.Response:
        body = {"email": "ada@example.com", "amount": 500_000, "reference": "ref-1", **fields}
        return self.http.post("/transaction/initialize", json=body, headers=self.merchant)

    def verify(self, reference: str = "ref-1") -> httpx.Response:
        return self.http.get(f"/transaction/verify/{reference}", headers=self.merchant)

    def refund(self, **fields: Any) -> httpx.Response:
        return self.http.post("/refund", json={"transaction": "ref-1", **fields}, headers=self.merchant)

    def charge(self, card: str = "success", reference: str = "ref-1") -> dict[str, Any]:
        answer = self.http.post("/_sandbox/charge", json={"reference": reference, "card": card})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def fault(self, kind: str, **fields: Any) -> None:
        answer = self.http.post("/_sandbox/faults", json={"kind": kind, **fields})
        assert answer.status_code == 200, answer.text

    def books(self, reference: str = "ref-1") -> dict[str, Any]:
        (row,) = self.http.get("/_sandbox/books", params={"reference": reference}).json()["transactions"]
        return row

    def until(self, done: Callable[[], bool]) -> None:
        """For what the sandbox does after it has answered; each look is a call, so this does not spin."""
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline:
            if done():
                return
        raise AssertionError("never happened")


@pytest.fixture
def client(merchant: Merchant) -> Iterator[Client]:
    loop = asyncio.new_event_loop()
    runner = web.AppRunner(build(Settings("http://pay.test", 0.0, 0.0), SECRET_KEY, merchant.url), shutdown_timeout=0.05)

    async def start() -> int:
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        return runner.addresses[0][1]

    port = loop.run_until_complete(start())
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    client = Client(f"http://127.0.0.1:{port}")
    yield client
    client.http.close()
    asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(WAIT_S)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(WAIT_S)
    loop.close()
