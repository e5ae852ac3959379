"""Starts MiniStack, the AWS emulator of the local stack, with the few changes this project needs.

MiniStack is pinned in requirements.txt; each patch below names what it replaces and stops with a clear error when
a new version no longer has it, so that an upgrade cannot lose one silently.

usage: python localstack/start_ministack.py --port 4566 --state DIR --functions-endpoint-file FILE
"""

from __future__ import annotations

import argparse
import contextlib
import os
import socketserver
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Headers by which gateway.py tells who really called. They never reach a function.
SOURCE_IP_HEADER = "x-local-source-ip"

# How long an invocation waits for log lines after its answer: long enough for a line already in the pipe.
# MiniStack's own 50 ms would be paid by every function that logs nothing.
LOG_FIRST_LINE_WAIT_S = 0.001
LOG_IDLE_CONFIRM_S = 0.001
LOG_HARD_CAP_S = 0.05

# After a wake that found nothing to do MiniStack rests 50 ms, which every message from the event bus would pay.
QUEUE_IDLE_WAKE_GAP_S = 0.002

# A stream mapping is looked at again after this long when nothing woke it.
STREAM_IDLE_POLL_S = 0.25

# AWS's clock ticks once a minute, which nobody wants to wait for here: a schedule calls this often instead.
SCHEDULE_EVERY_S = 1


def require(owner: Any, name: str) -> Any:
    """The attribute to patch, or an error that says which patch no longer fits."""
    try:
        return getattr(owner, name)
    except AttributeError:
        sys.exit(f"localstack/start_ministack.py: this MiniStack has no {owner.__name__}.{name}; its patch must be redone")


def send_small_packets_at_once() -> None:
    """The Runtime API server answers in two writes; with Nagle's algorithm each warm invocation costs 40 ms more."""
    socketserver.StreamRequestHandler.disable_nagle_algorithm = True


def shorten_log_wait() -> None:
    """A quiet function must not cost 50 ms per invocation."""
    from ministack.core import lambda_runtime

    drain = require(lambda_runtime.Worker, "_drain_stderr_bounded")
    if len(drain.__defaults__ or ()) != 3:
        sys.exit("localstack/start_ministack.py: Worker._drain_stderr_bounded changed; its patch must be redone")
    drain.__defaults__ = (LOG_FIRST_LINE_WAIT_S, LOG_IDLE_CONFIRM_S, LOG_HARD_CAP_S)


def pass_on_caller() -> None:
    """MiniStack tells functions that every caller is 127.0.0.1 at its own host name. Behind gateway.py we know better,
    and rate limits per address could not be tested otherwise. On AWS both values are the caller's and the domain's."""
    from ministack.services import lambda_svc

    execute = require(lambda_svc, "_execute_function_with_config_scope")

    def with_caller(record: dict[str, Any], event: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(event, dict) and event.get("version") == "2.0" and isinstance(event.get("headers"), dict):
            headers = event["headers"]
            context = event.get("requestContext") or {}
            source_ip = headers.pop(SOURCE_IP_HEADER, None)
            if source_ip and "http" in context:
                context["http"]["sourceIp"] = source_ip
                context["domainName"] = headers.get("host", "").split(":")[0]
                context["domainPrefix"] = context["domainName"].split(".")[0]
        return execute(record, event, *args, **kwargs)

    lambda_svc._execute_function_with_config_scope = with_caller


def read_cors_of_templates() -> None:
    """CloudFormation stores an API's CORS rules under the template's names (AllowOrigins), but the preflight answer is
    made from the API's own (allowOrigins), so every preflight would be refused."""
    from ministack.services import apigateway

    def with_api_names(answer: Callable[..., Any]) -> Callable[..., Any]:
        def answered(rules: dict[str, Any], *args: Any) -> Any:
            return answer({name[0].lower() + name[1:]: value for name, value in (rules or {}).items()}, *args)

        return answered

    for name in ("_cors_preflight_response", "_cors_response_headers"):
        setattr(apigateway, name, with_api_names(require(apigateway, name)))


def take_alarms_on_metric_math() -> None:
    """MiniStack refuses an alarm on several metrics, and the whole stack with it. Nobody watches alarms here, so such a
    one is kept as an alarm on a metric that never has data."""
    from ministack.services.cloudformation import provisioners

    record = require(provisioners, "_cw_metric_alarm_record")

    def with_one_metric(name: str, props: dict[str, Any]) -> Any:
        if props.get("Metrics"):
            props = {key: value for key, value in props.items() if key != "Metrics"}
            props |= {"Namespace": "SellEasi/NotEmulated", "MetricName": "MetricMath"}
        return record(name, props)

    provisioners._cw_metric_alarm_record = with_one_metric


def keep_attributes_in_nested_stacks() -> None:
    """When a nested stack is updated, MiniStack forgets the attributes of each resource that has not changed, so that
    the next `!GetAtt Queue.Arn` fails and the whole update is rolled back. Here they are remembered."""
    from ministack.services.cloudformation import provisioners

    create = require(provisioners, "_provision_resource")
    update = require(provisioners, "_update_resource")
    known: dict[tuple[str, str], Any] = {}

    def created(resource_type: str, *args: Any, **kwargs: Any) -> Any:
        physical_id, attributes = create(resource_type, *args, **kwargs)
        known[resource_type, physical_id] = attributes
        return physical_id, attributes

    def updated(resource_type: str, *args: Any, **kwargs: Any) -> Any:
        physical_id, attributes = update(resource_type, *args, **kwargs)
        attributes = attributes or known.get((resource_type, physical_id)) or {}
        known[resource_type, physical_id] = attributes
        return physical_id, attributes

    provisioners._provision_resource = created
    provisioners._update_resource = updated


def poll_queues_eagerly() -> None:
    """See QUEUE_IDLE_WAKE_GAP_S: 50 ms per saga step add up."""
    from ministack.services import lambda_svc

    require(lambda_svc, "_ESM_IDLE_WAKE_GAP_SECONDS")
    lambda_svc._ESM_IDLE_WAKE_GAP_SECONDS = QUEUE_IDLE_WAKE_GAP_S


def poll_streams_apart() -> None:
    """MiniStack runs every stream's function on the one thread that also polls all queues, so a slow relay would stop
    the whole system; on AWS each mapping has its own poller. Here each stream mapping gets a thread."""
    from ministack.core import concurrency
    from ministack.services import lambda_svc

    poll: Callable[[], bool] = require(lambda_svc, "_poll_dynamodb_streams")
    require(lambda_svc, "_iter_all_esms")
    # `poll` walks _iter_all_esms(); a thread that has chosen one mapping sees only that one.
    all_mappings = lambda_svc._iter_all_esms
    chosen = threading.local()
    wake = threading.Condition()
    running: set[str] = set()

    def mappings_in_sight() -> Any:
        only = getattr(chosen, "uuid", None)
        return all_mappings() if only is None else [m for m in all_mappings() if m[2].get("UUID") == only]

    def follow(uuid: str) -> None:
        chosen.uuid = uuid
        while any(mappings_in_sight()):
            with wake:
                generation = wake.generation  # type: ignore[attr-defined]
            try:
                busy = poll()
            except Exception as error:  # the mapping must outlive one bad pass, as the shared loop's do
                print(f"stream mapping {uuid}: {error!r}", file=sys.stderr, flush=True)
                busy = False
            if not busy:
                with wake:
                    # Nothing is lost between poll() and here: a record written since has raised the generation.
                    if wake.generation == generation:  # type: ignore[attr-defined]
                        wake.wait(STREAM_IDLE_POLL_S)
        running.discard(uuid)

    def start_followers() -> bool:
        for _account, _region, mapping in list(all_mappings()):
            uuid = mapping.get("UUID", "")
            if ":dynamodb:" in mapping.get("EventSourceArn", "") and uuid not in running:
                running.add(uuid)
                threading.Thread(target=follow, args=(uuid,), daemon=True, name=f"stream-{uuid[:8]}").start()
        return False

    class WakeAll(type(concurrency.esm_wake)):  # type: ignore[misc]
        """The event every producer sets; also wakes the followers."""

        def set(self) -> None:
            super().set()
            with wake:
                wake.generation += 1  # type: ignore[attr-defined]
                wake.notify_all()

    wake.generation = 0  # type: ignore[attr-defined]
    require(concurrency, "esm_wake").__class__ = WakeAll
    lambda_svc._iter_all_esms = mappings_in_sight
    lambda_svc._poll_dynamodb_streams = start_followers


def call_on_schedule_often() -> None:
    """See SCHEDULE_EVERY_S. What is called finds nothing to do most of the time, and twice at once does no harm."""
    from ministack.services import eventbridge

    parse = require(eventbridge, "_parse_rate_seconds")
    require(eventbridge, "_SCHEDULER_TICK_INTERVAL")
    eventbridge._SCHEDULER_TICK_INTERVAL = SCHEDULE_EVERY_S
    eventbridge._parse_rate_seconds = lambda expression: parse(expression) and SCHEDULE_EVERY_S


def let_functions_call_elsewhere(endpoint_file: Path) -> None:
    """A function's AWS is MiniStack itself. While this file names another address (the end-to-end tests put a proxy
    there that makes AWS fail), functions started from then on get that one. Nothing else goes there: neither what
    MiniStack does by itself, nor the Runtime API, nor the deploy."""
    from ministack.services import lambda_svc

    environment = require(lambda_svc, "_provided_worker_env")

    def with_endpoint(*args: Any, **kwargs: Any) -> dict[str, str]:
        env = environment(*args, **kwargs)
        with contextlib.suppress(FileNotFoundError):
            env["AWS_ENDPOINT_URL"] = endpoint_file.read_text()
        return env

    lambda_svc._provided_worker_env = with_endpoint


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=4566)
    parser.add_argument("--state", type=Path, required=True, help="folder for everything it writes")
    parser.add_argument("--functions-endpoint-file", type=Path, required=True, help="see let_functions_call_elsewhere")
    args = parser.parse_args()
    scratch: Path = args.state.resolve() / "ministack"
    scratch.mkdir(parents=True, exist_ok=True)
    # Functions inherit this process's environment. On AWS they see none of the developer's own settings (profiles,
    # proxies, certificate bundles), so neither do they here.
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TZ", "LOG_LEVEL") if name in os.environ}
    os.environ.clear()
    os.environ.update(kept)
    os.environ.update(
        HOME=str(scratch),
        GATEWAY_PORT=str(args.port),
        BIND_HOST="127.0.0.1",  # its default is every interface
        AWS_ENDPOINT_URL=f"http://127.0.0.1:{args.port}",  # functions get it only from here
        LAMBDA_EXECUTOR="local",
        PERSIST_STATE="0",
        TMPDIR=str(scratch),
        AWS_DEFAULT_REGION="us-east-1",
        AWS_ACCESS_KEY_ID="test",
        AWS_SECRET_ACCESS_KEY="test",
    )
    os.environ.setdefault("LOG_LEVEL", "WARNING")
    send_small_packets_at_once()
    from ministack.app import main as serve

    shorten_log_wait()
    pass_on_caller()
    read_cors_of_templates()
    take_alarms_on_metric_math()
    keep_attributes_in_nested_stacks()
    poll_queues_eagerly()
    poll_streams_apart()
    call_on_schedule_often()
    # Whatever a test left there that was killed is over with the stack it was for.
    args.functions_endpoint_file.unlink(missing_ok=True)
    let_functions_call_elsewhere(args.functions_endpoint_file)
    sys.argv = ["ministack"]
    serve()


if __name__ == "__main__":
    main()
