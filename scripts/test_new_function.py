"""What scripts/new-function writes and refuses, tried on a copy of the sources. That what it writes compiles is not
tried here. The names are such as nobody gives, for these tests run also where README's examples were made."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
COPIED = ("scripts", "functions", "shared/contracts", "shared/domain/src", "README.md", "rustfmt.toml")


class Copy:
    def __init__(self, root: Path):
        self.root = root
        for name in COPIED:
            source, target = ROOT / name, root / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copytree(source, target) if source.is_dir() else shutil.copy2(source, target)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(self.root / "scripts/new-function"), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def made(self, *arguments: str) -> str:
        done = self.run(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def files(self) -> dict[str, str]:
        paths = (path for path in self.root.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
        return {str(path.relative_to(self.root)): path.read_text() for path in paths}

    def read(self, path: str) -> str:
        return (self.root / path).read_text()


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return Copy(tmp_path)


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    """For what writes nothing."""
    return Copy(tmp_path_factory.mktemp("untouched"))


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ("timer carts CartId", "expected <service>-<verb>"),
        ("timer carts-Yodel CartId", "expected <service>-<verb>"),
        ("timer carts-yodel-of-what-was-left-behind CartId", "longer than 34 characters"),
        ("timer carts-move CartId", "move is a word of Rust's"),
        ("timer carts-yodel BasketId", "BasketId is no id"),
        ("timer orders-expire OrderId", "orders-expire is there already"),
        ("timer carts-cart-access CartId", "functions/carts/src/cart_access.rs is there already"),
        ("timer events-yodel CartId", "a service cannot be called events"),
        ("timer data-yodel CartId", "a service cannot be called data"),
        ("timer domain-yodel CartId", "a service cannot be called domain"),
        ("consumer fireworks-on-order-lost ORDER_LOST", "ORDER_LOST is no event"),
        ("endpoint products-lookalikes LIST /products/{id}/lookalikes", "expected one of GET, POST"),
        ("endpoint products-lookalikes GET products", "expected a path like"),
        ("endpoint products-lookalikes GET /products", "GET /products is there already"),
        ("endpoint products-lookalikes GET /ghosts/{id}", "would be a GhostId"),
        ("endpoint products-lookalikes GET /lookalikes --needs Everything", "Everything is no permission"),
    ],
)
def test_what_cannot_be_made_is_refused_and_nothing_written(untouched: Copy, arguments: str, why: str) -> None:
    before = untouched.files()
    done = untouched.run(*arguments.split())
    assert done.returncode == 1
    assert why in done.stderr
    assert untouched.files() == before


def test_an_endpoint_is_a_row_a_handler_a_bin_and_a_line(copy: Copy) -> None:
    before = copy.files()
    printed = copy.made("endpoint", "products-lookalikes", "GET", "/products/{id}/lookalikes")
    changed = sorted(path for path, text in copy.files().items() if before.get(path) != text)
    assert changed == printed.split("\n\n")[0].split("\n")
    assert 'Lookalikes = Get "/products/{id}/lookalikes" => "products-lookalikes" {' in copy.read("shared/contracts/src/products.rs")
    assert "products::mains::lookalikes()" in copy.read("functions/products/src/bin/products-lookalikes.rs")
    assert "pub mod lookalikes;" in copy.read("functions/products/src/lib.rs")
    assert "| shows the store's name | `products-lookalikes` |" in copy.read("functions/products/README.md")


def test_a_second_time_it_is_there_already(copy: Copy) -> None:
    copy.made("timer", "carts-yodel", "CartId")
    again = copy.run("timer", "carts-yodel", "CartId")
    assert (again.returncode, "is there already" in again.stderr) == (1, True)


def test_a_service_that_is_not_there_is_made_and_known_to_all(copy: Copy) -> None:
    copy.made("consumer", "fireworks-on-order-confirmed", "ORDER_CONFIRMED")
    copy.made("endpoint", "fireworks-describe", "POST", "/fireworks/{order_id}/description")
    rows = copy.read("shared/contracts/src/lib.rs")
    for line in ("pub mod fireworks;", "fireworks::STEPS,", "fireworks::ENDPOINTS,"):
        assert rows.count(line) == 1
    assert "fireworks::functions()," in copy.read("functions/registry/src/lib.rs")
    assert 'fireworks = { path = "../fireworks" }' in copy.read("functions/registry/Cargo.toml")
    functions = "runtime::functions! {\n    http: describe;\n    consumer: on_order_confirmed;\n}\n"
    assert functions in copy.read("functions/fireworks/src/lib.rs")
    # It has no permission of its own yet.
    assert "Access::Needs(Permission::StoresWrite)" in copy.read("shared/contracts/src/fireworks.rs")


def test_what_is_left_is_what_the_readme_says(copy: Copy) -> None:
    section = copy.read("README.md").split("\n## Add a function\n")[1].split("\n## ")[0]
    lines = [line.strip().lstrip("0123456789. ") for line in section.split("\n")]
    lines = [line.replace("<service>", "fireworks").replace("<verb>", "on_order_confirmed") for line in lines]
    printed = copy.made("consumer", "fireworks-on-order-confirmed", "ORDER_CONFIRMED").split("\n\n")[1]
    said = [line.strip().lstrip("0123456789. ") for line in printed.strip().split("\n")]
    assert set(said) <= set(lines)
    # All that is numbered there, but for what concerns endpoints and timers.
    numbered = section[section.index("\n1. ") :].split("\n\n")[0]
    assert len(printed.split("\n")) > 10
    for kind, is_said in (("Consumer", True), ("New service", True), ("Endpoint", False), ("Timer", False)):
        assert f"**{kind}.**" in numbered
        assert (f"**{kind}.**" in printed) == is_said
