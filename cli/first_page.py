"""The first page of help: that of `tidemill --help`, as Typer writes it, written without Typer."""

import shutil

from cli.commands import COMMANDS

_USAGE = "Usage: tidemill [OPTIONS] COMMAND [ARGS]...\n\n  From Kafka to a queryable lake, exactly once.\n"
_OPTIONS = {
    "--version": "Show the version, and those of what is underneath, and end.",
    "--install-completion": "Install completion for the current shell.",
    "--show-completion": "Show completion for the current shell, to copy it or customize the installation.",
    "--help": "Show this message and exit.",
}
_MOST_COLUMNS, _LEAST_COLUMNS = 78, 50


def show_first_page() -> None:
    """Print the help of the program as a whole, as wide as the terminal."""
    columns = shutil.get_terminal_size().columns
    print(first_page(columns), end="", flush=True)


def first_page(columns: int) -> str:
    """The text for a terminal of so many columns."""
    width = max(min(columns - 2, _MOST_COLUMNS), _LEAST_COLUMNS)
    return f"{_USAGE}\nOptions:\n{_listed(_OPTIONS, width)}\nCommands:\n{_listed(COMMANDS, width)}"


def _listed(meanings: dict[str, str], width: int) -> str:
    """Each name with what it means beside it, in lines that end between words."""
    indent = max(map(len, meanings)) + 2
    text = ""
    for name, meaning in meanings.items():
        lines = [""]
        for word in meaning.split(" "):
            if lines[-1] and len(lines[-1]) + 1 + len(word) > width - indent - 2:
                lines.append("")
            lines[-1] += f" {word}" if lines[-1] else word
        between = "\n" + " " * (indent + 2)
        text += f"  {name:{indent}}{between.join(lines)}\n"
    return text
