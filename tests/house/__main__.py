"""The house rules that no linter knows: lengths of files and functions, and no package registry's address in the tree.

Run by `make check` as `python -m tests.house`.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
FILE_LINES, FUNCTION_LINES = 400, 50
GENERATED = ("backend/migrations/versions/",)
# An address would tie everybody who installs to one registry; pip, uv and npm use the one they are configured for.
REGISTRY = re.compile(r"((?:pypi|python[h]osted|npmjs|yarnpkg|np[m]mirror)\.(?:org|com)|\"resolved\": \"http)")


def tracked(root: Path) -> list[Path]:
    """Every file that git tracks."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, check=True).stdout
    return [root / name for name in listed.decode().split("\0") if name and (root / name).is_file()]


def lengths(name: str, source: str) -> Iterator[str]:
    """What is too long in a Python file; a function's docstring and decorators do not count."""
    lines = source.count("\n")
    if lines >= FILE_LINES:
        yield f"{name}: {lines} lines; a file has fewer than {FILE_LINES}. Split it by what it owns."
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        first = node.body[0]
        has_docstring = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
        length = (node.end_lineno or 0) - node.lineno + 1
        if has_docstring:
            length -= (first.end_lineno or 0) - first.lineno + 1
        if length >= FUNCTION_LINES:
            yield f"{name}:{node.lineno}: {node.name} has {length} lines; a function has fewer than {FUNCTION_LINES}."


def registries(name: str, text: str) -> Iterator[str]:
    """Where a text names a package registry."""
    for number, line in enumerate(text.splitlines(), start=1):
        if match := REGISTRY.search(line):
            yield f"{name}:{number}: names a package registry ({match[0]}). Leave the address to each machine's configuration."


def problems(root: Path) -> Iterator[str]:
    """Everything in the tree that breaks a rule."""
    for path in tracked(root):
        name = path.relative_to(root).as_posix()
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        yield from registries(name, text)
        if path.suffix == ".py" and not name.startswith(GENERATED):
            yield from lengths(name, text)


def main() -> None:
    """Print every problem; exit with 1 if there is one."""
    found = list(problems(ROOT))
    for problem in found:
        print(problem)
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
