"""Runs the sandbox: python -m paystack --port 8010 --secret-key sk_test_... --webhook-url http://localhost:8000/...

From the folder localstack/, which is where the package lies.
"""

from __future__ import annotations

import argparse
import logging

from aiohttp import web

from .sandbox import Settings
from .server import build


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m paystack", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="anything else only inside a container")
    parser.add_argument("--port", type=int, default=8010)
    parser.add_argument("--secret-key", default="sk_test_local")
    parser.add_argument("--webhook-url", help="where the merchant hears of events")
    parser.add_argument("--retry-scale", type=float, default=0.01, help="1 is Paystack's own schedule")
    parser.add_argument("--refund-step-s", type=float, default=0.2)
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    settings = Settings(f"http://localhost:{args.port}", args.retry_scale, args.refund_step_s)
    app = build(settings, args.secret_key, args.webhook_url)
    # A hung answer must not hold up a stop.
    web.run_app(app, host=args.host, port=args.port, access_log=None, print=None, shutdown_timeout=0.2)


if __name__ == "__main__":
    main()
