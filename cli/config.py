"""`tidemill config`: the settings in force and where each came from."""

import typer

from cli.terminal import show
from query.text_table import TextTable
from runtime.origins import origins
from runtime.settings import load_settings

app = typer.Typer(
    help="Settings: flag, else environment TIDEMILL_*, else tidemill.toml, else default.", no_args_is_help=True
)


@app.callback()
def _group() -> None:
    """Keep `show` a command of its own, however many there are."""


@app.command("show")
def show_settings() -> None:
    """Print every setting, its value and its origin. Secrets are shown as ****."""
    table = TextTable(["setting", "value", "from"])
    for key, value, origin in origins(load_settings()):
        table.add_row(key, value, origin)
    show(table)
