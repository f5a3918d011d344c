"""How a child process ended, in words and as a shell would say it."""

import signal


def in_words(code: int) -> str:
    """What `Popen.returncode` tells: an exit code, or the signal that ended the process."""
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    why = " (the kernel does so when memory runs out)" if name == "SIGKILL" else ""
    return f"was killed by {name}{why}"


def as_shell(code: int) -> int:
    """The exit code that stands for `code`: 128 and the number for a signal."""
    return code if code >= 0 else 128 - code
