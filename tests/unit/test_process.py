"""What a process of ours sees to before it begins."""

from __future__ import annotations

import resource

from backend import process


def test_a_process_may_open_more_files_than_a_shell_usually_allows():
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (512, before[1]))
        process.allow_open_files()
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] > 512
        process.allow_open_files()
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[1] == before[1]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
