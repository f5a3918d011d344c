"""Behind seccomp a process reads, computes, makes threads and writes to its output; whatever else it asks fails."""

import struct
from pathlib import Path

import pytest

from serve.sql.inside import seccomp
from tests.serve.sql.inside.behind import behind

WORKS = {
    "reading a file": "len(open(__import__('os').__file__).read()) > 1000",
    "listing a folder": "len(os.listdir('/')) > 1",
    "a thread": "(t := __import__('threading').Thread(target=int)).start() or t.join() or True",
    "memory": "len(bytearray(50_000_000)) > 1",
    "the time": "__import__('time').time() > 1",
    "waiting": "__import__('time').sleep(0.01) is None",
    "chance": "len(os.urandom(8)) == 8",
    "its limits": "len(resource.getrlimit(resource.RLIMIT_CPU)) == 2",
}
FAILS = {
    "opening a file for writing": "open(sys.argv[1], 'w')",
    "opening a file for appending": "open(sys.argv[1], 'a')",
    "opening a file for both": "os.open(sys.argv[1], os.O_RDWR)",
    "a file without a name": "os.open('/tmp', os.O_TMPFILE | os.O_RDWR)",
    "removing": "os.unlink(sys.argv[1])",
    "renaming": "os.rename(sys.argv[1], sys.argv[1] + '2')",
    "linking": "os.symlink('/', sys.argv[1] + '2')",
    "making a folder": "os.mkdir(sys.argv[1] + '2')",
    "rights": "os.chmod(sys.argv[1], 0o777)",
    "times": "os.utime(sys.argv[1])",
    "cutting": "os.truncate(sys.argv[1], 0)",
    "a socket": "socket.socket()",
    "a pair of sockets": "socket.socketpair()",
    "a process": "os.fork()",
    "a program": "os.execv('/bin/true', ['true'])",
    "a program beside": "os.posix_spawn('/bin/true', ['true'], {})",
    "a signal to another": "os.kill(os.getppid(), 0)",
    "limits": "resource.prlimit(os.getpid(), resource.RLIMIT_CPU, (1000, 1000))",
    "the limits of another": "resource.prlimit(os.getppid(), resource.RLIMIT_CPU, (1000, 1000))",
    "who it is": "os.setuid(12345)",
    "memory of others": "os.memfd_create('x')",
    "code": "mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_EXEC)",
    "another root": "os.chroot('/')",
    "another mount": "libc.syscall(165, None, None, None, 0, None)",
    "looking into another": "libc.syscall(101, 16, os.getppid(), None, None)",
    "a namespace": "privileges.unshare(0x10000000)",
    "priority": "os.setpriority(os.PRIO_PROCESS, 0, 19)",
    "another output": "os.dup2(1, 5)",
    "writing where it may not": "os.write(0, b'x')",
}


def test_what_a_question_needs_works() -> None:
    code = "import resource\nprivileges.prctl(38, 1)\nseccomp.restrict()\n"
    code += "".join(f"print(tried(lambda: {what}))\n" for what in WORKS.values())
    assert behind(code) == ["True"] * len(WORKS)


@pytest.mark.parametrize("what", FAILS)
def test_what_no_question_needs_fails(what: str, tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_text("as it was")
    code = "import mmap, resource, socket\nprivileges.prctl(38, 1)\nseccomp.restrict()\n"
    code += f"print(tried(lambda: {FAILS[what]}))\n"
    assert behind(code, str(target)) == ["PermissionError"]
    assert (target.read_text(), [path.name for path in tmp_path.iterdir()]) == ("as it was", ["file"])


def test_threads_that_were_there_before_are_held_as_well() -> None:
    code = """
import queue, threading
asked, told = queue.Queue(), queue.Queue()
threading.Thread(target=lambda: told.put(tried(lambda: asked.get() or os.fork())), daemon=True).start()
privileges.prctl(38, 1)
seccomp.restrict()
asked.put(None)
print(told.get())
"""
    assert behind(code) == ["PermissionError"]


def test_no_jump_of_the_filter_leaves_it() -> None:
    program = seccomp.program(1)
    steps = [struct.unpack_from("HBBI", program, at) for at in range(0, len(program), 8)]
    assert len(steps) < 4_096
    for at, (code, true, false, _) in enumerate(steps):
        if code & 0x07 == 0x05:
            assert at + 1 + max(true, false) < len(steps)
    assert steps[-1][0] == 0x06


def test_on_another_machine_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "s390x")
    with pytest.raises(OSError, match="x86_64 are known, not those of s390x"):
        seccomp.restrict()
