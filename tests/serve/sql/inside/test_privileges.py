"""Privileges that are given up are gone, and a child ends with whoever started it."""

import os
import subprocess
import sys
import time
from pathlib import Path

from tests.serve.sql.inside.behind import ROOT, behind


def test_no_capability_is_left_and_none_comes_back() -> None:
    code = """
privileges.give_up(Path("/"))
status = dict(line.split(":\\t", 1) for line in open("/proc/self/status").read().splitlines())
print(*(int(status[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")), status["NoNewPrivs"])
"""
    assert behind(code) == ["0 0 0 0 1"]


def test_root_becomes_who_owns_the_data(tmp_path: Path) -> None:
    owner = 4_321 if os.geteuid() == 0 else os.geteuid()
    if os.geteuid() == 0:
        os.chown(tmp_path, owner, owner)
    code = "privileges.give_up(Path(sys.argv[1]))\nprint(os.getuid(), os.geteuid(), tried(lambda: os.setuid(0)))"
    assert behind(code, str(tmp_path)) == [f"{owner} {owner} PermissionError"]


def test_the_network_of_its_own_is_empty() -> None:
    code = """
import socket
server = socket.create_server(("127.0.0.1", 0))
privileges.leave_network()
print(tried(lambda: socket.create_connection(server.getsockname(), 5)), [name for _, name in socket.if_nameindex()])
"""
    assert behind(code) == ["OSError ['lo']"]


def test_what_is_hidden_is_not_to_be_looked_into() -> None:
    code = "privileges.hide()\nprint(libc.prctl(3))"
    assert behind(code) == ["0"]


def test_a_process_ends_with_the_one_that_started_it() -> None:
    child = "import os, sys, time; from serve.sql.inside import privileges; privileges.die_with(os.getppid());"
    child += "print(os.getpid(), flush=True); time.sleep(60)"
    code = f"import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', {child!r}]); time.sleep(60)"
    parent = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.communicate()
    deadline = time.monotonic() + 120
    while Path(f"/proc/{pid}").exists() and ") Z" not in Path(f"/proc/{pid}/stat").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_one_whose_parent_is_gone_already_ends_at_once() -> None:
    assert behind("privileges.die_with(1 << 30)\nprint('lives')") == []
