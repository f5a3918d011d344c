"""A file of Flink SQL taken apart into its statements."""

import re

from dataflow.errors import ConfigError

_PIECE = re.compile(
    r"""(?P<comment>--[^\n]*|/\*(?!\+).*?\*/)|(?P<text>'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`)|(?P<end>;)|(?P<other>.)""",
    re.DOTALL,
)
_SET_BEGINS = re.compile(r"\s*EXECUTE\s+STATEMENT\s+SET\s+BEGIN\b", re.IGNORECASE)
_SET_ENDS = re.compile(r"\bEND\s*$", re.IGNORECASE)
_SUBMITS = re.compile(r"\s*(?:INSERT|EXECUTE)\b", re.IGNORECASE)


def statements_of(script: str) -> list[str]:
    """The statements in order, without comments and without the semicolons between them; hints /*+ ... */ stay.

    EXECUTE STATEMENT SET BEGIN ... END is one statement.
    """
    found: list[str] = []
    now = ""
    for piece in _PIECE.finditer(script):
        if piece["comment"] is not None:
            now += " "
        elif piece["end"] is not None and not (_SET_BEGINS.match(now) and not _SET_ENDS.search(now)):
            found.append(now.strip())
            now = ""
        else:
            now += piece[0]
    found.append(now.strip())
    return [statement for statement in found if statement]


def check_one_job(statements: list[str], key: str, where: str) -> None:
    """Raise ConfigError unless exactly one statement submits a job: savepoints, stop and resume are of one."""
    submitting = sum(1 for statement in statements if _SUBMITS.match(statement))
    if submitting != 1:
        raise ConfigError(
            key,
            where,
            f"it submits {submitting} jobs and must submit one: put INSERTs into EXECUTE STATEMENT SET BEGIN ... END",
        )
