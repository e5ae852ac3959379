"""The stack under test is the one that SELLEASI_PORT and SELLEASI_STATE name. Each test makes tenants of its own, so
that all run side by side; a test marked `alone` has the stack to itself.

The one process runs all tests but those of what only the deployed templates have. Against the templates, which are many
times slower, run those that prove each binary, role, route, queue and rule: the marks `deployed` and `only_deployed`."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from pathlib import Path

import pytest
import settings

from .shop import Seller, Shop


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "long: waits for a payment window to close; starts first")
    config.addinivalue_line("markers", "alone: disturbs everything else; runs last, by itself")
    config.addinivalue_line("markers", "deployed: runs against the deployed templates too")
    config.addinivalue_line("markers", "only_deployed: is about what only the deployed templates have")
    config.addinivalue_line("markers", "only_process: is about what only the one process has")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    is_deployed = settings.from_environment().kind == settings.AWS

    def belongs(item: pytest.Item) -> bool:
        marks = {mark.name for mark in item.iter_markers()}
        return bool(marks & {"deployed", "only_deployed"}) if is_deployed else "only_deployed" not in marks

    if left_out := [item for item in items if not belongs(item)]:
        config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if belongs(item)]

    def turn(item: pytest.Item) -> int:
        if item.get_closest_marker("long"):
            return 0
        return 2 if item.get_closest_marker("alone") else 1

    items.sort(key=turn)


def pytest_sessionstart(session: pytest.Session) -> None:
    if session.config.option.collectonly or hasattr(session.config, "workerinput"):
        return
    stack = settings.from_environment()
    if not Shop(stack).is_up():
        pytest.exit(
            f"no stack answers at {stack.url}/health. Start one, and name it by SELLEASI_PORT and SELLEASI_STATE:\n"
            f"  SELLEASI_STATE=.local/test SELLEASI_PORT=8100 SELLEASI_PARAMETERS='ReconcileScheduleS=1,1,2,3,5,10,30' "
            f"scripts/dev --detach --no-seed   (--aws for the deployed templates)",
            returncode=3,
        )


def pytest_sessionfinish(session: pytest.Session) -> None:
    """I16, for the stack as a whole: whatever the tests did, nothing was given up. And of the deployed templates none was
    left out."""
    if session.config.option.collectonly or hasattr(session.config, "workerinput") or session.exitstatus == 3:
        return
    cloud = Shop(settings.from_environment()).cloud
    is_whole = [Path(name).resolve() for name in session.config.option.file_or_dir] == [Path(__file__).parent]
    if session.exitstatus == 0 and is_whole and (idle := cloud.never_called()):
        print("\nno test has called these functions:\n" + "\n".join(idle))
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
    if dead := cloud.dead_letters():
        print("\nI16: there are dead letters:\n" + "\n".join(message[:500] for message in dead))
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session")
def shop() -> Shop:
    return Shop(settings.from_environment())


@pytest.fixture(autouse=True)
def _turn(request: pytest.FixtureRequest, shop: Shop) -> Iterator[None]:
    """Tests share the stack, but for one that wants it alone."""
    with (shop.stack.state / "e2e.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX if request.node.get_closest_marker("alone") else fcntl.LOCK_SH)
        yield


@pytest.fixture
def seller(shop: Shop) -> Seller:
    """A tenant with an open store."""
    return Seller.onboard(shop)
