"""Starts, watches and stops the processes of the local stack: the one process and the sandbox Paystack; or MiniStack,
the sandbox Paystack and the gateway.

usage: python localstack/processes.py up process | up aws | down | watch

`up` leaves a process alone that runs as it would be started now, replaces one whose command or source has changed,
and returns when all are ready. `watch` returns when one has died. Pid files and logs are in the state folder.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from settings import AWS, PAYSTACK_SECRET_KEY, PROCESS, ROOT, Stack, from_environment

READY_WITHIN_S = 30.0
LOOK_EVERY_S = 0.05
WATCH_EVERY_S = 0.5
LOG_TAIL_LINES = 15


class Failed(Exception):
    """A message for the person who started it."""


@dataclass(frozen=True)
class Process:
    name: str
    title: str
    command: tuple[str, ...]
    sources: tuple[Path, ...]
    port: int
    health: str
    environment: tuple[tuple[str, str], ...] = ()
    stopped_within_s: float = 8.0

    def recipe(self) -> str:
        """Changes when the process would be started differently."""
        digest = hashlib.sha256(json.dumps([self.command, self.environment]).encode())
        for source in self.sources:
            digest.update(source.read_bytes())
        return digest.hexdigest()


def processes(stack: Stack) -> list[Process]:
    here = ROOT / "localstack"
    python = sys.executable
    paystack = tuple(sorted(p for p in (here / "paystack").glob("*.py") if not p.name.startswith(("test_", "conftest"))))
    sandbox = Process(
        "paystack", "sandbox Paystack",
        (python, "-m", "paystack", "--port", str(stack.paystack_port), "--secret-key", PAYSTACK_SECRET_KEY,
         "--webhook-url", stack.webhook_url),
        paystack, stack.paystack_port, "/_sandbox/health",
    )  # fmt: skip
    if stack.kind == PROCESS:
        binary = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "quick" / "selleasi"
        process = Process(
            "selleasi", "SellEasi", (str(binary), "--data", str(stack.data)), (binary,), stack.port, "/health",
            tuple(sorted(stack.process_settings().items())), stopped_within_s=30.0,
        )  # fmt: skip
        return [sandbox, process]
    ministack = Process(
        "ministack", "MiniStack",
        (python, str(here / "start_ministack.py"), "--port", str(stack.aws_port), "--state", str(stack.state),
         "--functions-endpoint-file", str(stack.functions_endpoint_file)),
        (here / "start_ministack.py", here / "requirements.txt"),
        stack.aws_port, "/_ministack/health",
    )  # fmt: skip
    gateway = Process(
        "gateway", "gateway",
        (python, str(here / "gateway.py"), "--port", str(stack.port), "--upstream", stack.aws_url,
         "--api-id-file", str(stack.api_id_file)),
        (here / "gateway.py",), stack.port, "/",
    )  # fmt: skip
    return [ministack, sandbox, gateway]


@dataclass(frozen=True)
class Running:
    """What the pid file says."""

    pid: int
    recipe: str
    marker: str  # a part of its command line, so that a pid taken over by another process is not mistaken for it

    def alive(self) -> bool:
        shown = subprocess.run(["ps", "-o", "stat=", "-o", "command=", "-p", str(self.pid)],
                               capture_output=True, text=True, check=False).stdout.strip()  # fmt: skip
        return bool(shown) and not shown.startswith("Z") and self.marker in shown


def pid_file(stack: Stack, name: str) -> Path:
    return stack.state / f"{name}.pid"


def running(stack: Stack, name: str) -> Running | None:
    try:
        known = Running(**json.loads(pid_file(stack, name).read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return None
    return known if known.alive() else None


def answers(process: Process) -> bool:
    """Any answer will do: before the first deploy the gateway's is 503."""
    url = f"http://127.0.0.1:{process.port}{process.health}"
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=2):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def log_file(stack: Stack, name: str) -> Path:
    return stack.state / "logs" / f"{name}.log"


def start(stack: Stack, process: Process) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", process.port))
        except OSError:
            raise Failed(f"port {process.port} ({process.title}) is taken by another program. Stop it, or choose other "
                         "ports with SELLEASI_PORT, SELLEASI_AWS_PORT, SELLEASI_PAYSTACK_PORT") from None  # fmt: skip
    log = log_file(stack, process.name)
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as out:
        # A session of its own: Ctrl-C in the terminal must reach scripts/dev only, which stops them in order.
        child = subprocess.Popen(process.command, cwd=ROOT / "localstack", stdin=subprocess.DEVNULL, stdout=out,
                                 stderr=subprocess.STDOUT, start_new_session=True,
                                 env={**os.environ, **dict(process.environment)})  # fmt: skip
    marker = "paystack" if process.name == "paystack" else process.command[1 if stack.kind == AWS else 0]
    record = {"pid": child.pid, "recipe": process.recipe(), "marker": marker}
    pid_file(stack, process.name).write_text(json.dumps(record))
    deadline = time.monotonic() + READY_WITHIN_S
    while not answers(process):
        if child.poll() is not None or time.monotonic() > deadline:
            tail = "\n".join(log.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:])
            raise Failed(f"{process.title} did not start. Log: {log}\n{tail}")
        time.sleep(LOOK_EVERY_S)


def stop(stack: Stack, process: Process) -> bool:
    """Whether there was something to stop."""
    name = process.name
    known = running(stack, name)
    if known is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(known.pid, signal.SIGTERM)
        deadline = time.monotonic() + process.stopped_within_s
        while known.alive() and time.monotonic() < deadline:
            time.sleep(LOOK_EVERY_S)
        # The functions MiniStack runs are in its session, which is ours alone: none may outlive it.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(known.pid, signal.SIGKILL)
    pid_file(stack, name).unlink(missing_ok=True)
    return known is not None


def up(stack: Stack) -> None:
    stack.state.mkdir(parents=True, exist_ok=True)
    if (before := from_environment()).kind != stack.kind:
        down(before)
    stack.kind_file.write_text(stack.kind)
    for process in processes(stack):
        known = running(stack, process.name)
        if known is not None and known.recipe == process.recipe() and answers(process):
            continue
        if known is not None:
            stop(stack, process)
        start(stack, process)


def down(stack: Stack) -> bool:
    return any([stop(stack, process) for process in reversed(processes(stack))])


def watch(stack: Stack) -> None:
    while True:
        for process in processes(stack):
            if running(stack, process.name) is None:
                if not pid_file(stack, process.name).exists():
                    return  # stopped on purpose, by scripts/dev --stop
                raise Failed(f"{process.title} has died. Log: {log_file(stack, process.name)}")
        time.sleep(WATCH_EVERY_S)


def main() -> int:
    stack = from_environment()
    action = sys.argv[1] if len(sys.argv) == 2 else ""
    try:
        if sys.argv[1:] in (["up", PROCESS], ["up", AWS]):
            up(from_environment(sys.argv[2]))
        elif action == "down":
            return 0 if down(stack) else 3  # 3: nothing was running
        elif action == "watch":
            watch(stack)
        else:
            print(__doc__, file=sys.stderr)
            return 2
    except Failed as failed:
        print(failed, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
