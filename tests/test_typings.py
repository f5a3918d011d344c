"""Arrow's types in `typings` say what the Arrow that is installed has."""

import ast
import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "typings"
STUBS = sorted(FOLDER.rglob("*.pyi"))
Function = tuple[str, ast.FunctionDef]


def module_of(stub: Path) -> str:
    return ".".join(stub.relative_to(FOLDER).with_suffix("").parts).removesuffix(".__init__")


def functions(body: list[ast.stmt], owner: str = "") -> Iterator[Function]:
    """Those of a module and of its classes, by dotted name; a class with an underscore is looked at in its heirs."""
    for node in body:
        if isinstance(node, ast.ClassDef):
            for name in [node.name] if not node.name.startswith("_") else heirs(body, node.name):
                yield from functions(node.body, f"{name}.")
        elif isinstance(node, ast.FunctionDef) and (node.name.startswith("__") or not node.name.startswith("_")):
            yield owner + node.name, node


def heirs(body: list[ast.stmt], name: str) -> list[str]:
    classes = [node for node in body if isinstance(node, ast.ClassDef)]
    return [each.name for each in classes if any(isinstance(base, ast.Name) and base.id == name for base in each.bases)]


def told(node: ast.FunctionDef) -> dict[str, object]:
    """The parameters that can be passed by name, with their defaults."""
    named = [*node.args.args, *node.args.kwonlyargs]
    before = [None] * (len(node.args.args) - len(node.args.defaults))
    defaults = [*before, *node.args.defaults, *node.args.kw_defaults]
    found = zip((each.arg for each in named), defaults, strict=True)
    return {
        name: inspect.Parameter.empty if value is None else ast.literal_eval(value)
        for name, value in found
        if name not in ("self", "cls")
    }


@pytest.mark.parametrize("stub", STUBS, ids=module_of)
def test_every_name_and_parameter_is_there(stub: Path) -> None:
    module = importlib.import_module(module_of(stub))
    wrong = []
    for name, node in functions(ast.parse(stub.read_text()).body):
        found: object = module
        for part in name.split("."):
            found = getattr(found, part, None)
        if found is None and not name.endswith("__buffer__"):
            wrong.append(f"{name} is not there")
            continue
        try:
            parameters = inspect.signature(found).parameters  # type: ignore[arg-type]  # says so where it has none
        except (TypeError, ValueError):
            continue
        if any(each.kind is inspect.Parameter.VAR_KEYWORD for each in parameters.values()) or name.endswith("__"):
            continue
        for parameter, default in told(node).items():
            if parameter not in parameters:
                wrong.append(f"{name} takes no {parameter}")
            elif (parameters[parameter].default is inspect.Parameter.empty) != (default is inspect.Parameter.empty):
                wrong.append(f"{name} needs {parameter}, or does not")
            elif default != parameters[parameter].default:
                wrong.append(f"{name} has {parameter}={parameters[parameter].default!r}")
    assert wrong == []


def test_something_is_looked_at() -> None:
    assert sum(1 for stub in STUBS for _ in functions(ast.parse(stub.read_text()).body)) > 250
