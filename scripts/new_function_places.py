"""The places at which a new function stands in the sources, for scripts/new-function: row and types, module, bin,
dependencies, README, and a service's own files where it is new."""

from __future__ import annotations

import re

import new_function_templates as templates
from new_function_tree import Refused, Tree, add_import, camel, need

# As the generator has it: Lambda's 64 characters less `selleasi-<env>-`.
NAME_MAX = 34
# Nested stacks and crates that are no service's, besides what is in shared/.
TAKEN_SERVICES = {"alarms", "data", "generator", "registry", "simulator"}
RUST_WORDS = set(
    "as async await box break const continue crate dyn else enum extern false final fn for gen if impl in let lib loop "
    "macro match mod move mut override priv pub ref return self static struct super trait true try type typeof union "
    "unsafe unsized use virtual where while yield main mains functions".split()
)
HOUSE = ("domain", "contracts", "store", "runtime")
LINE_MAX = 120
ERRORS_ARE_IN_ROWS = (
    """#![expect(clippy::missing_errors_doc, reason = "a handler's errors are its row's problem codes")]"""
)


class Function:
    def __init__(self, tree: Tree, kind: str, name: str):
        self.tree, self.kind, self.name = tree, kind, name
        need(re.fullmatch(r"[a-z]+(-[a-z][a-z0-9]*)+", name), f"{name}: expected <service>-<verb>, like products-related")
        need(len(name) <= NAME_MAX, f"{name}: longer than {NAME_MAX} characters, which is all that Lambda leaves")
        self.service, verb = name.split("-", 1)
        self.verb, self.type = verb.replace("-", "_"), camel(verb)
        self.folder = f"functions/{self.service}"
        self.module = f"shared/contracts/src/{self.service}.rs"
        self.is_new_service = not tree.exists(f"{self.folder}/Cargo.toml")
        need(self.verb not in RUST_WORDS, f"{name}: {self.verb} is a word of Rust's, and no module can be called so")
        need(f'"{name}"' not in self.rows(), f"{name} is there already")
        need(not tree.exists(f"{self.folder}/src/{self.verb}.rs"), f"{self.folder}/src/{self.verb}.rs is there already")
        if self.is_new_service:
            taken = {*TAKEN_SERVICES, *(path.name for path in (tree.root / "shared").iterdir())}
            is_free = self.service not in taken and not tree.exists(self.module)
            need(is_free, f"{name}: a service cannot be called {self.service}")
        elif not tree.exists(self.module):
            raise Refused(f"{name}: {self.service} is no service")

    def rows(self) -> str:
        modules = (self.tree.root / "shared/contracts/src").glob("*.rs")
        return "".join(path.read_text() for path in modules)

    def fill(self, template: str, **more: str) -> str:
        known = {"name": self.name, "service": self.service, "Service": self.service.capitalize(), "verb": self.verb}
        return template.format(**known, type=self.type, **more)

    def make_service(self) -> None:
        self.tree.write(f"{self.folder}/Cargo.toml", self.fill(templates.CARGO))
        self.tree.write(f"{self.folder}/src/lib.rs", self.fill(templates.LIB))
        self.tree.write(f"{self.folder}/README.md", self.fill(templates.README))
        what = "over HTTP" if self.kind == "endpoint" else "steps"
        self.tree.write(self.module, f"//! {self.service.capitalize()}: {what}.\n")
        lib = "shared/contracts/src/lib.rs"
        services = "|".join(path.parent.name for path in (self.tree.root / "functions").glob("*/Cargo.toml"))
        self.tree.add_sorted(lib, rf"pub mod ({services});", f"pub mod {self.service};")
        path = f'{self.service} = {{ path = "../{self.service}" }}'
        used = r'\w+ = { path = "\.\./\w+" }|runtime\.workspace = true'
        self.tree.add_sorted("functions/registry/Cargo.toml", used, path)
        of_service = f"        {self.service}::functions(),"
        self.tree.add_sorted("functions/registry/src/lib.rs", r"        \w+::functions\(\),", of_service)

    def add_types_and_row(self, macro: str, imports: list[tuple[str, str]], types: str, row: str) -> None:
        text = self.tree.read(self.module)
        # The name may be a type's already, which the row's type must not hide.
        if re.search(rf"\b{self.type}\b", re.sub(r"//.*", "", text)):
            row = row.replace(f"{self.type} =", f"{self.type}Function =", 1)
            self.type += "Function"
        for crate, item in [*imports, ("crate", macro)]:
            text = add_import(text, crate, item)
        opening = f"\n{macro}! {{\n"
        if opening in text:
            end = text.index("\n}\n", text.index(opening)) + 1
            text = text[:end] + row + text[end:]
        else:
            behind = "\nsteps! {\n" if macro == "endpoints" and "\nsteps! {\n" in text else "\n#[cfg(test)]"
            at = text.index(behind) if behind in text else len(text)
            text = f"{text[:at]}{opening}{row}}}\n{text[at:]}"
            list_name = {"endpoints": "ENDPOINTS", "steps": "STEPS"}[macro]
            last = {"endpoints": "platform::ENDPOINTS", "steps": "platform::OPERATIONS"}[macro]
            of_service = f"        {self.service}::{list_name},\n"
            self.tree.edit("shared/contracts/src/lib.rs", rf"^        {last},$", f"{of_service}        {last},")
        at = text.index(opening) + 1
        self.tree.write(self.module, text[:at] + types + text[at:])

    def add_to_lib(self, runtime_kind: str) -> None:
        path = f"{self.folder}/src/lib.rs"
        if "missing_errors_doc" not in self.tree.read(path):
            self.tree.edit(path, r"\A((?://!.*\n)*)\n?", rf"\g<1>\n{ERRORS_ARE_IN_ROWS}\n\n")
        module = f"pub mod {self.verb};"
        if re.search(r"^pub mod ", self.tree.read(path), flags=re.M):
            self.tree.add_sorted(path, r"pub mod \w+;", module)
        else:
            self.tree.edit(path, r"^runtime::functions! {", f"{module}\n\nruntime::functions! {{")
        lines = dict(re.findall(r"^    (\w+):((?:[^;]|\n)*);", self.tree.read(path), flags=re.M))
        names = sorted([*(name.strip() for name in lines.get(runtime_kind, "").split(",") if name.strip()), self.verb])
        line = f"    {runtime_kind}: {', '.join(names)};"
        if len(line) > LINE_MAX:
            line = f"    {runtime_kind}:\n" + "".join(f"        {name},\n" for name in names).rstrip(",\n") + ";"
        if runtime_kind in lines:
            self.tree.edit(path, rf"^    {runtime_kind}:(?:[^;]|\n)*;", line)
        elif runtime_kind == "http":
            self.tree.edit(path, r"^(runtime::functions! {\n)", rf"\g<1>{line}\n")
        else:
            self.tree.edit(path, r"^(runtime::functions! {\n(?:    .*\n)*)}", rf"\g<1>{line}\n}}")

    def add_dependencies(self, crates: list[str], for_tests: list[str]) -> None:
        path = f"{self.folder}/Cargo.toml"
        head, rest = self.tree.read(path).split("[dependencies]\n")
        own, tests = rest.split("[dev-dependencies]\n")
        has = lambda text, crate: re.search(rf"^{re.escape(crate)}\b", text, flags=re.M)  # noqa: E731
        # The house's own crates stand first, in the order in which they build on each other.
        house = [crate for crate in HOUSE if crate in crates or has(own, crate)]
        others = [line for line in own.split("\n") if line and line.split(".")[0] not in HOUSE]
        own = "\n".join([*(f"{crate}.workspace = true" for crate in house), *others])
        missing = [crate for crate in for_tests if not has(own, crate) and not has(tests, crate)]
        tests = tests.rstrip("\n") + "".join(f"\n{crate}.workspace = true" for crate in missing)
        tables = f"[dependencies]\n{own.strip()}\n\n[dev-dependencies]\n{tests.strip()}\n"
        self.tree.write(path, head + tables)

    def add_to_readme(self, sort: str) -> None:
        """Into the service's table of functions, whatever its columns are."""
        path = f"{self.folder}/README.md"
        lines = self.tree.read(path).rstrip("\n").split("\n")
        is_row = [line.startswith("|") for line in lines] + [False]
        tables = [n for n in range(len(lines)) if is_row[n] and (n == 0 or not is_row[n - 1])]
        ends = {start: is_row.index(False, start) for start in tables}
        mine = [n for n in tables if f"`{self.service}-" in "".join(lines[n : ends[n]]) or "| function |" in lines[n]]
        if not mine:
            lines += ["", "| function | does | calls |", "|---|---|---|"]
            mine, ends = [len(lines) - 2], {len(lines) - 2: len(lines)}
        start = mine[-1]
        columns = [column.strip() for column in lines[start].strip("|").split("|")]
        row = "".join(f" {self.cell(column, sort, 'function' in columns)} |" for column in columns)
        lines.insert(ends[start], f"|{row}")
        self.tree.write(path, "\n".join(lines) + "\n")

    def cell(self, column: str, sort: str, has_function: bool) -> str:
        does = templates.DOES[sort]
        if column == "function":
            return f"`{self.name}`"
        if column in ("what", "does"):
            return does if has_function else f"{does} (`{self.name}`)"
        if column == "consistency":
            return "now"
        return templates.CALLS[sort] if re.search("calls|cost", column) else templates.WHERE[sort]

    def make(self, sort: str, runtime_kind: str, handler: str, crates: list[str], for_tests: list[str]) -> None:
        self.tree.write(f"{self.folder}/src/{self.verb}.rs", handler)
        self.tree.write(f"{self.folder}/src/bin/{self.name}.rs", self.fill(templates.BIN))
        self.add_to_lib(runtime_kind)
        self.add_dependencies(crates, for_tests)
        self.add_to_readme(sort)
