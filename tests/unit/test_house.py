"""The house rules' own check: it finds what it is there to find."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.house.__main__ import lengths, problems, registries


def test_a_long_file_is_found():
    assert list(lengths("a.py", "x = 1\n" * 399)) == []
    assert ["400 lines" in problem for problem in lengths("a.py", "x = 1\n" * 400)] == [True]


def test_a_long_function_is_found_and_its_docstring_does_not_count():
    body = "    x = 1\n"

    assert list(lengths("a.py", "def f():\n" + body * 48)) == []
    assert ["f has 50 lines" in problem for problem in lengths("a.py", "def f():\n" + body * 49)] == [True]
    assert list(lengths("a.py", 'def f():\n    """One.\n\n    Two.\n    """\n' + body * 48)) == []
    assert list(lengths("a.py", "class C:\n    async def f(self):\n" + "        x = 1\n" * 60))


def test_a_registrys_address_is_found():
    host = "registry.np" + "mjs.org"  # in two parts, for this file is looked at too

    assert list(registries("a.lock", f'"x": "https://{host}/x.tgz"'))
    assert list(registries("package-lock.json", '"resolved": ' + '"https://anywhere.example/x.tgz"'))
    assert not list(registries("a.lock", '"url": "https://opencollective.com/x"'))


def test_only_what_git_tracks_is_looked_at(tmp_path: Path):
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    (tmp_path / "long.py").write_text("x = 1\n" * 500)
    (tmp_path / "image.png").write_bytes(b"\x89PNG\xff\xfe")
    assert list(problems(tmp_path)) == []

    subprocess.run(["git", "add", "."], cwd=tmp_path, check=True)
    assert [problem.partition(":")[0] for problem in problems(tmp_path)] == ["long.py"]
