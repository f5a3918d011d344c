"""Commands as tests run them: in this process, or as one of their own."""

import subprocess
from collections.abc import Callable

Tidemill = Callable[..., tuple[int, str, str]]
"""Runs a command in this process: exit code, standard output, standard error."""

Start = Callable[..., subprocess.Popen[bytes]]
"""Starts a command as a process of its own."""
