"""The words for how a process ended."""

import pytest

from runtime.exit_code import as_shell, in_words


@pytest.mark.parametrize(
    ("code", "words", "shell"),
    [
        (0, "ended with exit code 0", 0),
        (5, "ended with exit code 5", 5),
        (-9, "was killed by SIGKILL (the kernel does so when memory runs out)", 137),
        (-11, "was killed by SIGSEGV", 139),
        (-99, "was killed by signal 99", 227),
    ],
)
def test_a_signal_has_its_name_and_the_exit_code_of_a_shell(code: int, words: str, shell: int) -> None:
    assert (in_words(code), as_shell(code)) == (words, shell)
