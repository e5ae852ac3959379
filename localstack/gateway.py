"""The front door of the local stack: http://localhost:8000 and http://<store>.localhost:8000.

MiniStack serves the API under a path that holds the API's id, and tells functions that every caller is 127.0.0.1.
This proxy gives it the address a browser can use, keeps the Host header (a store is found by its host name) and does
what API Gateway does in front of a function: the forwarding headers, the 10 MB limit, the 30 s limit, and the CORS
headers of errors that no function answered. Bodies pass through as they came, also compressed ones. Nothing else.

usage: python localstack/gateway.py --port 8000 --upstream http://127.0.0.1:4566 --api-id-file .local/run/api-id
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import secrets
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
from aiohttp import web, web_protocol
from multidict import CIMultiDict
from yarl import URL

# API Gateway's own limits for an HTTP API.
MAX_BODY_BYTES = 10 * 1024 * 1024
INTEGRATION_TIMEOUT_S = 30.0

# More connections than any local load test opens; MiniStack runs one process per concurrent call of a function.
MAX_UPSTREAM_CONNECTIONS = 512

# Read by start_ministack.py, never by a function. Whatever a client sends under this name is replaced.
SOURCE_IP_HEADER = "X-Local-Source-Ip"

# They belong to one connection (RFC 9110, 7.6.1), or are set anew on the other side.
PER_CONNECTION = frozenset({
    "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer",
    "transfer-encoding", "upgrade", "content-length", "date", "server",
})  # fmt: skip


class ApiId:
    """The deployed API's id, read again when the deploy script has written another."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int] | None = None
        self._value: str | None = None

    def get(self) -> str | None:
        try:
            stat = os.stat(self._path)
        except FileNotFoundError:
            return None
        stamp = (stat.st_mtime_ns, stat.st_ino)
        if stamp != self._seen:
            self._value, self._seen = self._path.read_text().strip() or None, stamp
        return self._value


def problem(status: int, code: str, detail: str) -> web.Response:
    body = {"type": "about:blank", "title": code.replace("_", " "), "status": status, "code": code, "detail": detail}
    return web.Response(status=status, body=json.dumps(body).encode(), content_type="application/problem+json")


def answer_malformed_requests_in_json() -> None:
    """What is no HTTP never reaches a handler, and aiohttp answers it in plain text."""

    def handle_error(
        self: web_protocol.RequestHandler,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        if status >= 500:
            self.log_exception("Error handling request from %s", request.remote, exc_info=exc)
            answer = problem(status, "gateway_failed", "The local gateway failed. See its log in the state folder.")
        else:
            answer = problem(status, "malformed_request", "This is not a request in HTTP.")
        answer.force_close()
        return answer

    web_protocol.RequestHandler.handle_error = handle_error


def forwarded_headers(request: web.Request) -> CIMultiDict[str]:
    headers = CIMultiDict((name, value) for name, value in request.headers.items()
                          if name.lower() not in PER_CONNECTION and name.lower() != SOURCE_IP_HEADER.lower())  # fmt: skip
    peer = request.remote or "127.0.0.1"
    # API Gateway appends the address it sees to what the client claims; only the last entry can be believed.
    claimed = ", ".join(headers.popall("X-Forwarded-For", []))
    headers["X-Forwarded-For"] = f"{claimed}, {peer}" if claimed else peer
    headers["X-Forwarded-Port"] = str(request.url.port or "")
    headers["X-Forwarded-Proto"] = "http"
    headers.setdefault("X-Amzn-Trace-Id", f"Root=1-{int(time.time()):08x}-{secrets.token_hex(12)}")
    headers[SOURCE_IP_HEADER] = peer
    return headers


class Gateway:
    def __init__(self, upstream: str, api_id: ApiId) -> None:
        self._upstream = upstream.rstrip("/")
        self._api_id = api_id
        self._session: aiohttp.ClientSession | None = None

    async def session(self, _app: web.Application) -> AsyncIterator[None]:
        """An aiohttp cleanup context: the connections live as long as the server."""
        # A connection for each request: one that was kept may be closed at the moment it is used again, and then nobody
        # knows whether a POST took effect, so that it could not be sent once more.
        connector = aiohttp.TCPConnector(limit=MAX_UPSTREAM_CONNECTIONS, force_close=True)
        timeout = aiohttp.ClientTimeout(total=INTEGRATION_TIMEOUT_S)
        # Bodies pass through as they are: unpacking them here would leave a false Content-Encoding.
        unsaid = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")  # what the client did not send, stays so
        self._session = aiohttp.ClientSession(
            connector=connector, timeout=timeout, auto_decompress=False, skip_auto_headers=unsaid
        )
        yield
        await self._session.close()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        answer = await self._answer(request)
        if "Origin" in request.headers and "Access-Control-Allow-Origin" not in answer.headers:
            answer.headers.update(await self._cors_headers(request.headers["Origin"]))
        return answer

    async def _cors_headers(self, origin: str) -> dict[str, str]:
        """API Gateway adds them to every answer, MiniStack only to those of functions."""
        try:
            async with self._session.get(f"{self._upstream}/v2/apis/{self._api_id.get()}") as answer:
                rules = (await answer.json()).get("corsConfiguration") or {}
        except (aiohttp.ClientError, TimeoutError, ValueError):
            return {}
        # From a template they are AllowOrigins and so on.
        rules = {name[0].lower() + name[1:]: value for name, value in rules.items()}
        allowed = [one.lower() for one in rules.get("allowOrigins", [])]
        if "*" not in allowed and origin.lower() not in allowed:
            return {}
        headers = {"Access-Control-Allow-Origin": "*" if "*" in allowed else origin, "Vary": "Origin"}
        if rules.get("exposeHeaders"):
            headers["Access-Control-Expose-Headers"] = ",".join(rules["exposeHeaders"])
        return headers

    async def _answer(self, request: web.Request) -> web.Response:
        api_id = self._api_id.get()
        if api_id is None or self._session is None:
            return problem(503, "not_deployed", "The local stack is up but nothing is deployed yet.")
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            return web.json_response({"message": "Request Too Long"}, status=413)
        # encoded=True: the path reaches MiniStack byte for byte, %2F included.
        url = URL(f"{self._upstream}/_aws/execute-api/{api_id}/$default{request.raw_path}", encoded=True)
        try:
            async with self._session.request(request.method, url, data=body or None, headers=forwarded_headers(request),
                                             allow_redirects=False) as answer:  # fmt: skip
                payload = await answer.read()
        except TimeoutError:
            return web.json_response({"message": "Service Unavailable"}, status=503)  # what API Gateway says
        except aiohttp.ClientConnectorError:
            return problem(503, "stack_down", "MiniStack does not answer. See its log in the state folder.")
        except aiohttp.ClientError as error:
            print(f"{request.method} {request.raw_path}: {error!r}", file=sys.stderr, flush=True)
            return problem(502, "stack_failed", f"MiniStack closed the connection: {type(error).__name__}.")
        headers = CIMultiDict((name, value) for name, value in answer.headers.items()
                              if name.lower() not in PER_CONNECTION)  # fmt: skip
        return web.Response(status=answer.status, body=payload, headers=headers)


async def serve(gateway: Gateway, host: str, port: int) -> None:
    app = web.Application(client_max_size=MAX_BODY_BYTES)
    app.cleanup_ctx.append(gateway.session)
    app.router.add_route("*", r"/{path:[\s\S]*}", gateway.handle)  # a decoded path may hold a line break
    # API Gateway does not unpack bodies, and the function is told by Content-Encoding that it did not.
    runner = web.AppRunner(app, handle_signals=True, access_log=None, keepalive_timeout=75, auto_decompress=False)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default="127.0.0.1", help="anything else only inside a container")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--upstream", default="http://127.0.0.1:4566")
    parser.add_argument("--api-id-file", type=Path, required=True)
    args = parser.parse_args()
    answer_malformed_requests_in_json()
    asyncio.run(serve(Gateway(args.upstream, ApiId(args.api_id_file)), args.host, args.port))


if __name__ == "__main__":
    main()
