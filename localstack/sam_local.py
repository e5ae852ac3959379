"""`sam`, with packaging and waiting made fast for the local deploy. Arguments are sam's own.

sam packs one function after another and afresh at each deploy. Here each binary is packed once, fast rather than small,
before sam asks for it; and sam asks MiniStack four times a second how far it is. What is deployed is the same; for AWS
plain `sam` is used.

environment: SELLEASI_ZIPS, the folder with <function>.zip made by deploy_local.py
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from botocore.waiter import Waiter
from samcli.cli.main import cli
from samcli.lib.package import utils

LOOK_EVERY_S = 0.25


def use_packed(zips: Path) -> None:
    original: Callable = utils.zip_folder

    @contextlib.contextmanager
    def zip_folder(folder_path: str, zip_method: Callable) -> Iterator[tuple[str, str]]:
        packed = zips / f"{Path(folder_path).name}.zip"
        if packed.exists():
            # The file is named by its content's hash (a link), which is also what sam names the upload by.
            yield str(packed), packed.resolve().stem
        else:
            with original(folder_path, zip_method=zip_method) as made:
                yield made

    utils.zip_folder = zip_folder


def look_more_often() -> None:
    """sam asks every 5 s whether a change set or a stack is done. MiniStack is done in one."""
    original = Waiter.wait

    def wait(self: Waiter, **kwargs: Any) -> None:
        config = kwargs.pop("WaiterConfig", {})
        longest_s = config.get("Delay", self.config.delay) * config.get("MaxAttempts", self.config.max_attempts)
        original(self, WaiterConfig={"Delay": LOOK_EVERY_S, "MaxAttempts": int(longest_s / LOOK_EVERY_S)}, **kwargs)

    Waiter.wait = wait


if __name__ == "__main__":
    look_more_often()
    use_packed(Path(os.environ["SELLEASI_ZIPS"]))
    sys.argv[0] = "sam"
    cli(prog_name="sam")
