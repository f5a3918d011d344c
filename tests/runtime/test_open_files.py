"""The limit of open files, raised in processes of their own."""

import subprocess
import sys

RAISED = """
import resource, sys
from dataflow import logs
from runtime.open_files import allow_many_files
logs.configure("json", "info", sys.stdout)
resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}))
allow_many_files()
print(*resource.getrlimit(resource.RLIMIT_NOFILE))
"""


def raised(soft: int, hard: int) -> list[str]:
    code = RAISED.format(soft=soft, hard=hard)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_the_soft_limit_becomes_the_hard_one_without_a_word() -> None:
    assert raised(256, 4_096) == ["4096 4096"]
    assert raised(1_024, 1_024) == ["1024 1024"]


def test_where_the_hard_limit_is_low_one_message_says_so_and_how_to_raise_it() -> None:
    said, limits = raised(64, 200)
    assert limits == "200 200"
    assert "may open 200 files" in said
    assert "LimitNOFILE=" in said
    assert '"level": "warning"' in said
