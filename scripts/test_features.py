"""Cargo features: whoever builds one package, or its tests, builds others' crates with the features that the whole
workspace asks for (with fewer they would be compiled anew, and kept twice; shared/workspace-hack sees to it), and what
lets the simulator do without a rule cannot be in a release."""

import json
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
# Switches on features that no function has, and is built by itself.
ALONE = "generator"


def cargo(*arguments: str) -> str:
    run = subprocess.run(["cargo", *arguments, "--locked"], cwd=ROOT, check=True, capture_output=True, text=True)
    return run.stdout


def dependencies(edges: str, *packages: str) -> set[str]:
    """Others' crates, each with its version and features."""
    lines = cargo("tree", *packages, "--edges", edges, "--prefix", "none", "--format", "{p} [{f}]").splitlines()
    return {line.removesuffix(" (*)") for line in lines if line and str(ROOT) not in line}


@pytest.mark.parametrize("edges", ["normal,build", "normal,build,dev"])
def test_one_package_asks_for_the_features_that_all_ask_for(edges: str) -> None:
    of_all = dependencies(edges, "--workspace", "--exclude", ALONE)
    packages = json.loads(cargo("metadata", "--no-deps", "--format-version", "1"))["packages"]
    names = {package["name"] for package in packages} - {ALONE}
    assert len(names) > 10
    of_one = {name: dependencies(edges, "--package", name) - of_all for name in names}
    different = {name: sorted(crates) for name, crates in of_one.items() if crates}
    assert not different, "`cargo install cargo-hakari && cargo hakari generate` mends this"


def test_no_release_has_the_simulators_switches() -> None:
    check = ["cargo", "check", "--package", "domain", "--features", "sabotage", "--release", "--locked", "--quiet"]
    run = subprocess.run(check, cwd=ROOT, check=False, capture_output=True, text=True)
    assert run.returncode != 0 and "never for a release" in run.stderr
