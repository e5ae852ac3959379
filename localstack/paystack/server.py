"""Puts the sandbox together as one web application."""

from __future__ import annotations

from collections.abc import AsyncIterator

from aiohttp import web

from . import api, control, page
from .sandbox import SANDBOX, Sandbox, Settings


def build(settings: Settings, secret_key: str, webhook_url: str | None) -> web.Application:
    app = web.Application()
    sandbox = Sandbox(settings)
    sandbox.books.add_account(secret_key, webhook_url)
    app[SANDBOX] = sandbox
    for routes in (api.ROUTES, page.ROUTES, control.ROUTES):
        app.add_routes(routes)

    async def webhooks(_app: web.Application) -> AsyncIterator[None]:
        await sandbox.webhooks.start()
        yield
        await sandbox.webhooks.stop()

    app.cleanup_ctx.append(webhooks)
    return app
