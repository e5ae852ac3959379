"""The function processes of the stack, and their sudden end."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess

from settings import Stack


def running_functions(stack: Stack) -> list[int]:
    """Pids of all function processes: MiniStack's descendants that run a `bootstrap`."""
    ministack = json.loads((stack.state / "ministack.pid").read_text())["pid"]
    shown = subprocess.run(["ps", "-A", "-ww", "-o", "pid=,ppid=,args="], capture_output=True, text=True, check=True).stdout
    rows = [line.split(None, 2) for line in shown.splitlines() if len(line.split(None, 2)) == 3]
    family, grown = {ministack}, True
    while grown:
        more = {int(pid) for pid, parent, _ in rows if int(parent) in family} - family
        family, grown = family | more, bool(more)
    return [int(pid) for pid, _, args in rows if int(pid) in family and args.split()[0].endswith("/bootstrap")]


def kill_functions(stack: Stack, share: float = 1.0, chance: random.Random | None = None) -> int:
    """Kills every function process of this stack, or about a share of them, where it stands; how many were killed."""
    draw = (chance or random.Random()).random
    found = [pid for pid in running_functions(stack) if draw() < share]
    for pid in found:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return len(found)
