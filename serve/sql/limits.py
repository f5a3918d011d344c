"""What a question may take."""

from typing import NamedTuple


class SqlLimits(NamedTuple):
    """What one question may take, and how many are answered at once. A question may ask for less, never for more.

    `memory_bytes` is what a child may have beside the program itself; `rows` and `bytes` cut an answer, which then
    says so; `text_bytes` is the longest text of a question with its parameters.
    """

    timeout_s: float = 30.0
    memory_bytes: int = 1024 * 1024 * 1024
    rows: int = 100_000
    bytes: int = 64 * 1024 * 1024
    text_bytes: int = 64 * 1024
    children: int = 2
