#!/bin/sh
# Typer 0.29 depends on pydantic and converts parameters by way of it: the first call of a command with any option imports
# pydantic, which takes several times as long as all the rest of a small command's start. 0.28 does not, with pydantic beside
# it or without. Help alone is as quick as before, so a look at `--help` does not show it.
#
# Seen with typer 0.29.2 and 0.28.0, pydantic 2.14.4, Python 3.11, a command with one plain `int` option:
#   0.29.2, --rows 5: pydantic is loaded       0.28.0, --rows 5: it is not
#   0.29.2, --help:   it is not                0.29.2 without pydantic named: it comes as a dependency, and is loaded
# Exits with 0 while that is so, with 1 once it has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat >"$folder/command.py" <<'PYTHON'
import sys

import typer

app = typer.Typer()


@app.command()
def main(rows: int = typer.Option(3)) -> None:
    pass


try:
    app()
finally:
    print("loaded" if "pydantic" in sys.modules else "not", file=sys.stderr)
PYTHON
environment() { # name, then packages
    name=$1
    shift
    "${PYTHON:-python3}" -m venv "$folder/$name"
    "$folder/$name/bin/python" -m pip install --quiet --disable-pip-version-check "$@"
}
call() { # name, then arguments
    name=$1
    shift
    "$folder/$name/bin/python" "$folder/command.py" "$@" 2>&1 >"$folder/out" | tail -n 1
}
environment new typer==0.29.2 pydantic==2.14.4
environment old typer==0.28.0 pydantic==2.14.4
environment bare typer==0.29.2
seen="$(call new --rows 5), $(call new --help), $(call old --rows 5), $(call bare --rows 5)"
echo "0.29.2 --rows, 0.29.2 --help, 0.28.0 --rows, 0.29.2 alone --rows: $seen"
test "$seen" = "loaded, not, not, loaded"
