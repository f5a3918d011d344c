"""Imports of own packages, in a file's text: moved below the package that they are installed in, or found."""

import ast
import re
from collections.abc import Collection, Iterator


class NotMovable(Exception):
    """An import or a text that cannot be moved as it is written; says the file's line and what to write."""


def moved(code: bytes, own: Collection[str], below: str) -> bytes:
    """The same code with `below.` before every own package that it imports, and nothing else changed.

    Raises NotMovable for `import own.module` without `as`, which binds the name of the package itself.
    """
    lines = code.splitlines(keepends=True)
    # From the end, so that what is put in moves no place that comes later.
    for line, column in sorted(_places(code, own), reverse=True):
        text = lines[line - 1]
        lines[line - 1] = text[:column] + f"{below}.".encode() + text[column:]
    return b"".join(lines)


def left_behind(code: bytes, own: Collection[str], in_texts: Collection[str] | None = None) -> list[str]:
    """What would look for an own package at the top, a line each: imports, names of modules in texts, code in texts.

    `in_texts`: the packages that texts may name; without it, all of `own`.
    """
    named = own if in_texts is None else in_texts
    tree = ast.parse(code)
    prose = {id(each.value) for each in ast.walk(tree) if isinstance(each, ast.Expr)}
    found = [f"line {node.lineno}: imports {name}" for node, name in _imports(tree) if _top(name) in own]
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            found += (
                [f"line {node.lineno}: names a module in {node.value!r}"] if _names_module(node.value, named) else []
            )
    return found


def _places(code: bytes, own: Collection[str]) -> Iterator[tuple[int, int]]:
    """(line from 1, column in bytes) of every own package's name in an import."""
    lines = code.splitlines(keepends=True)
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom) and node.level == 0 and _top(node.module or "") in own:
            head = re.compile(rb"from[ \t]+(?=\w)").match(lines[node.lineno - 1], node.col_offset)
            if head is None:
                raise NotMovable(f"line {node.lineno}: write `from` and the name of the package on one line")
            yield node.lineno, head.end()
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if _top(alias.name) not in own:
                    continue
                if alias.asname is None:
                    raise NotMovable(f"line {alias.lineno}: write `import {alias.name} as ...`, or `from ... import`")
                yield alias.lineno, alias.col_offset


def _imports(tree: ast.AST) -> Iterator[tuple[ast.Import | ast.ImportFrom, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node, node.module or ""


def _top(module: str) -> str:
    return module.partition(".")[0]


def _names_module(text: str, own: Collection[str]) -> bool:
    """`own.a.b`, `own.` as the beginning of such a name, `own:name`, or code that imports one; `own.py` is a file."""
    names = f"(?:{'|'.join(map(re.escape, own))})"
    forms = (
        rf"^{names}\.(?:\w+(?:\.\w+)*)?(?::\w+)?$(?<!\.py)",
        rf"^{names}:\w+$",
        rf"\bfrom {names}(?:\.\w+)* import\b",
        rf"(?:^|[\n;]) *import {names}\b",
    )
    return any(re.search(form, text) for form in forms)
