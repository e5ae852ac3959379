"""Edits to the project's source files, held back until all of them are known, for scripts/new-function."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path


class Refused(Exception):
    """What was asked for cannot be made; says why."""


def need(condition: object, why: str) -> None:
    if not condition:
        raise Refused(why)


class Tree:
    """The project's files, with what is to be written held back until all of it is known."""

    def __init__(self, root: Path):
        self.root, self.changed = root, {}

    def exists(self, path: str) -> bool:
        return path in self.changed or (self.root / path).exists()

    def read(self, path: str) -> str:
        return self.changed[path] if path in self.changed else (self.root / path).read_text()

    def write(self, path: str, text: str) -> None:
        self.changed[path] = text

    def edit(self, path: str, pattern: str, replacement) -> None:
        """Replaces the one place that the pattern finds."""
        text, count = re.subn(pattern, replacement, self.read(path), count=1, flags=re.M)
        need(count, f"{path} is not as expected: nothing in it is like {pattern}")
        self.write(path, text)

    def add_sorted(self, path: str, pattern: str, line: str) -> None:
        """Adds a line among those that the pattern finds, which are sorted and stand in one block."""
        lines = self.read(path).split("\n")
        found = [number for number, text in enumerate(lines) if re.fullmatch(pattern, text)]
        need(found, f"{path} is not as expected: no line in it is like {pattern}")
        before = next((number for number in found if lines[number] > line), found[-1] + 1)
        self.write(path, "\n".join([*lines[:before], line, *lines[before:]]))

    def save(self) -> list[str]:
        """Writes what has changed, and gives back its paths."""
        for path, text in self.changed.items():
            if path.endswith(".rs"):
                self.changed[path] = formatted(text, self.root)
        is_new = lambda path, text: not (self.root / path).exists() or (self.root / path).read_text() != text  # noqa: E731
        written = {path: text for path, text in self.changed.items() if is_new(path, text)}
        for path, text in written.items():
            (self.root / path).parent.mkdir(parents=True, exist_ok=True)
            (self.root / path).write_text(text)
        return sorted(written)


def formatted(text: str, root: Path) -> str:
    command = ["rustfmt", "--edition", "2024", "--config-path", str(root)]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    need(done.returncode == 0, f"rustfmt refuses what was to be written:\n{done.stderr}")
    return done.stdout


def camel(words: str) -> str:
    return "".join(word.capitalize() for word in re.split("[-_]", words))


def add_import(text: str, crate: str, item: str) -> str:
    """Adds `use crate::item`; of `limits::X`, the group `limits::{…}` is known. rustfmt puts it into its place."""
    name = item.rsplit("::", 1)[-1]
    imports = "".join(re.findall(r"^use [^;]*;", text, flags=re.M))
    if re.search(rf"\b{name}\b", imports):
        return text
    group = item.rsplit("::", 1)[0] if "::" in item else None
    if group and re.search(rf"^use {crate}::[^;]*\b{group}::{{", text, flags=re.M):
        return re.sub(rf"^(use {crate}::[^;]*\b{group}::{{)", rf"\g<1>{name}, ", text, count=1, flags=re.M)
    if re.search(rf"^use {crate}::{{", text, flags=re.M):
        return re.sub(rf"^use {crate}::{{", rf"use {crate}::{{{item}, ", text, count=1, flags=re.M)
    if re.search(rf"^use {crate}::", text, flags=re.M):
        return re.sub(rf"^use {crate}::([^;]*);", rf"use {crate}::{{\1, {item}}};", text, count=1, flags=re.M)
    return add_use(text, f"use {crate}::{item};\n", crate == "crate")


def add_use(text: str, statement: str, is_ours: bool) -> str:
    """Adds an import to a module: other crates' stand in one group, the crate's own in one behind it."""
    found = list(re.finditer(r"^use [^;]*;\n", text, flags=re.M))
    if not found:
        at = re.match(r"(//!.*\n)*", text).end()
        rest = text[at:].lstrip("\n")
        return f"{text[:at]}\n{statement}\n{rest}"
    if is_ours:
        at = found[-1].end()
        return f"{text[:at]}\n{statement}{text[at:]}"
    gap = "\n" if found[0][0].startswith("use crate::") else ""
    at = found[0].start()
    return f"{text[:at]}{statement}{gap}{text[at:]}"
