"""Loading a pipeline file by path: `PATH[:NAME]`."""

import hashlib
import sys
import traceback
import types
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from dataflow.errors import ConfigError, PipelineError
from dataflow.pipeline.alert_rules import Threshold
from dataflow.pipeline.declaration import Pipeline, Rollup
from dataflow.pipeline.pair_rules import Pair
from dataflow.pipeline.place import split_place
from dataflow.pipeline.plan import Plan, make_plan
from dataflow.root import INSTALLED
from dataflow.spelling import suggest

DEFAULT_NAME = "pipeline"

IN_THE_TREE = "dataflow"
"""What pipeline files imported before there was `tidemill`; in the project's tree, they still may."""

_ONE_PACKAGE = "an installed Tidemill has all names in the package `tidemill`, also `tidemill.windows` and its like"


def load(spec: str) -> Plan:
    """The checked plan of the pipeline that `spec` names: a Python file, and optionally ":" and a name in it.

    Without a name: `pipeline`, or the only Pipeline of the file. Dimension paths are relative to the file.
    Raises ConfigError (no such file, it does not run, no such pipeline) or PipelineError (every mistake in it).
    """
    pipeline, path = load_pipeline(spec)
    try:
        return make_plan(pipeline, path.parent)
    except PipelineError as error:
        raise PipelineError(f"{path}: {error.where}", error.mistakes) from None


def load_sound(spec: str) -> tuple[Plan | None, list[str]]:
    """What of a pipeline with mistakes can be gone on with: a plan of its sound rollups, if any; the others' names.

    Raises ConfigError as `load` does.
    """
    pipeline, path = load_pipeline(spec)
    rollups = pipeline.rollups if isinstance(pipeline.rollups, list | tuple) else ()
    declared = [rollup for rollup in rollups if isinstance(rollup, Rollup)]
    without = replace(pipeline, alerts=())
    sound = [rollup for rollup in declared if _plan_of(without, [rollup], path) is not None]
    plan = _plan_of(pipeline, sound, path) or _plan_of(without, sound, path)
    known = set() if plan is None else {rollup.name for rollup in plan.rollups}
    rules = pipeline.alerts if isinstance(pipeline.alerts, list | tuple) else ()
    own = [rule.name for rule in rules if isinstance(rule, Threshold | Pair) and rule.on is None]
    return plan, [str(name) for name in (*(rollup.name for rollup in declared), *own) if name not in known]


def _plan_of(pipeline: Pipeline, rollups: Sequence[Rollup], path: Path) -> Plan | None:
    try:
        return make_plan(replace(pipeline, rollups=rollups), path.parent)
    except PipelineError:
        return None


def load_pipeline(spec: str) -> tuple[Pipeline, Path]:
    """The unchecked pipeline that `spec` names, and its file. Raises ConfigError."""
    path, name = _split(spec)
    module = _run(spec, path)
    found = {key: value for key, value in vars(module).items() if isinstance(value, Pipeline)}
    if name is not None:
        if name in found:
            return found[name], path
        known = f"{path} has no Pipeline called {name}{suggest(name, list(found))}" if found else _none_in(path)
        raise ConfigError("pipeline", spec, known)
    if DEFAULT_NAME in found:
        return found[DEFAULT_NAME], path
    if not found:
        raise ConfigError("pipeline", spec, _none_in(path))
    if len({id(pipeline) for pipeline in found.values()}) > 1:
        names = ", ".join(found)
        raise ConfigError("pipeline", spec, f"{path} has several pipelines ({names}); choose one with {path}:NAME")
    return next(iter(found.values())), path


def _none_in(path: Path) -> str:
    return f"{path} defines no Pipeline; write pipeline = Pipeline(...) in it"


def _split(spec: str) -> tuple[Path, str | None]:
    path, name = split_place(spec)
    if path.is_dir():
        raise ConfigError("pipeline", spec, f"{path} is a folder; name a Python file in it, as PATH[:NAME]")
    if not path.is_file():
        raise ConfigError(
            "pipeline", spec, f"there is no file {path} in {Path.cwd()}; give PATH[:NAME] of a Python file"
        )
    return path, name


def _run(spec: str, path: Path) -> types.ModuleType:
    """Run the file as a module of its own name, so that no other file of that name can take its place."""
    where = path.resolve()
    name = f"tidemill_pipeline_{hashlib.sha256(str(where).encode()).hexdigest()[:12]}"
    module = types.ModuleType(name)
    module.__file__ = str(where)
    try:
        # Compiled here and not imported: no stale bytecode, and nothing written into the user's folder.
        code = compile(where.read_bytes(), str(where), "exec", dont_inherit=True)
    except SyntaxError as error:
        raise ConfigError("pipeline", spec, f"{path}, line {error.lineno}: {error.msg}; correct the file") from None
    except (OSError, ValueError) as error:
        raise ConfigError("pipeline", spec, f"{path} cannot be read as Python: {error}") from None
    previous = sys.modules.get(name)
    sys.modules[name] = module  # pydantic looks up annotations, and pickle looks up classes, by module name
    neighbours = str(where.parent)
    sys.path.append(neighbours)  # last, so that a file beside it can be imported but hides nothing
    try:
        exec(code, module.__dict__)
    except BaseException as error:
        if previous is None:
            del sys.modules[name]
        else:
            sys.modules[name] = previous
        if isinstance(error, KeyboardInterrupt):
            raise
        raise ConfigError("pipeline", spec, _failure(path, where, error)) from error
    finally:
        sys.path.remove(neighbours)
    return module


def _failure(path: Path, where: Path, error: BaseException) -> str:
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(where)]
    place = f"{path}, line {lines[-1]}" if lines else str(path)
    if INSTALLED and isinstance(error, ModuleNotFoundError) and str(error.name).partition(".")[0] == IN_THE_TREE:
        return f"{place}: write `from tidemill import ...` for `from {IN_THE_TREE} import ...`: {_ONE_PACKAGE}"
    # pydantic draws its mistakes over many lines; a message is one.
    said = " ".join(str(error).split())
    return f"{place}: {type(error).__name__}: {said}; correct the file"
