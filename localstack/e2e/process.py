"""A `selleasi` of a test's own, beside the stack's: one that may be killed, started again, and short of disk space."""

from __future__ import annotations

import contextlib
import os
import resource
import secrets
import shutil
import signal
import socket
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace

import httpx
import processes
from settings import Stack

# Beside the stack's, and not among those that the system gives out: one of those may be taken when it starts again.
PORT_OFFSET = 20
STARTED_WITHIN_S = 10.0
ENDED_WITHIN_S = 30.0
LOOK_EVERY_S = 0.005


class OwnProcess:
    """Not running yet. Its state is in a new folder in the stack's."""

    def __init__(self, beside: Stack, name: str) -> None:
        port = beside.port + PORT_OFFSET
        state = beside.state / f"{name}-{secrets.token_hex(4)}"
        self.stack = replace(beside, state=state, port=port, aws_port=port + 1)
        state.mkdir(parents=True)
        self._log = beside.state / "logs" / f"{name}.log"
        self._log.write_bytes(b"")
        (_, self._recipe) = processes.processes(self.stack)
        # An account of its own: the sandbox Paystack tells it of its payments, and the stack of the stack's.
        key = f"sk_test_{name}"
        own = {"SELLEASI_SET_PAYSTACK__SECRET_KEY": key, "SELLEASI_SET_RECONCILE_SCHEDULE_S": "[1, 1, 2, 3, 5, 10, 30]"}
        self._environment = os.environ | dict(self._recipe.environment) | own
        url = f"http://127.0.0.1:{beside.paystack_port}/_sandbox/accounts"
        account = {"secret_key": key, "webhook_url": self.stack.webhook_url}
        httpx.post(url, json=account, trust_env=False).raise_for_status()
        self._child: subprocess.Popen[bytes] | None = None

    def start(self, file_bytes_max: int | None = None) -> None:
        """Returns at once. With a limit, writes beyond it fail, as on a disk that is full."""

        def limit() -> None:
            if file_bytes_max:
                resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes_max, file_bytes_max))

        with self._log.open("ab") as log:
            # Python ignores SIGXFSZ, and so does the new process then: the write fails instead.
            self._child = subprocess.Popen(self._recipe.command, env=self._environment, stdin=subprocess.DEVNULL,
                                           stdout=log, stderr=log, restore_signals=False, preexec_fn=limit)  # fmt: skip

    def wait_until_up(self) -> None:
        deadline = time.monotonic() + STARTED_WITHIN_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.stack.port), timeout=1).close()
                return
            except OSError:
                assert self.runs() and time.monotonic() < deadline, f"it did not start: {self._log}"
            time.sleep(LOOK_EVERY_S)

    def runs(self) -> bool:
        return self._child is not None and self._child.poll() is None

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        if self._child is not None:
            self._child.send_signal(how)
            self._child.wait(ENDED_WITHIN_S)
            self._child = None

    def broken_pages(self) -> list[str]:
        """What SQLite finds wrong in the database's file. While nobody uses it."""
        with contextlib.closing(sqlite3.connect(self.stack.data / "selleasi.db")) as database:
            told = [row[0] for row in database.execute("PRAGMA integrity_check")]
        return [] if told == ["ok"] else told


@contextlib.contextmanager
def own_process(beside: Stack, name: str) -> Iterator[OwnProcess]:
    """Ends with the test. What it kept is deleted, unless the test failed."""
    process = OwnProcess(beside, name)
    try:
        yield process
    finally:
        process.kill()
    shutil.rmtree(process.stack.state)
