"""`tidemill erase`: take one person's rows out of the lake, and prove that nothing of them is left."""

import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.lakes import LakeFlag, open_to_write
from cli.options import RecoveryFlag

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sinks.lake.catalog.catalog import Catalog
    from sinks.lake.fault import Fault
    from sinks.lake.tables.definition import Definition
    from sinks.lake.upkeep.found import Found
    from sinks.lake.upkeep.holders import Condition
    from sinks.lake.upkeep.remains import Remains

WhereFlag = Annotated[
    str,
    typer.Option(
        "--where", help="Whose rows: COLUMN = VALUE, COLUMN IN (VALUE, ...), or several with AND.", metavar="CONDITION"
    ),
]


def erase(
    where: WhereFlag,
    yes: Annotated[bool, typer.Option("--yes", help="Do it without asking.")] = False,
    most_rows: Annotated[
        int | None,
        typer.Option(
            "--most-rows", min=1, help="Most rows of a table that may match (default 1 %, at least 100).", metavar="N"
        ),
    ] = None,
    lake: LakeFlag = None,
    recovery: RecoveryFlag = None,
) -> None:
    """Erase one person's rows from the lake and all snapshots that show them; prove that nothing is left.

    Events, dead letters and distinct values go; sums and counts stay. Exit code 0 when nothing is left, 1 when the
    proof found something, which it names. Killed at any moment, the same command finishes. May run beside the pipeline.
    """
    from runtime.settings import load_settings
    from sinks.lake.catalog.erasures import published_epochs
    from sinks.lake.fault import fault_from
    from sinks.lake.upkeep.remains import Remains

    settings = load_settings({"lake": lake, "recovery": recovery})
    fault = fault_from(settings.fault)
    catalog = open_to_write(settings.lake)
    try:
        definition = _definition(catalog.one("SELECT definition FROM own_pipeline"), settings.lake)
        condition = _condition(where, definition)
        proof = _erase_from(catalog, definition, condition, _Terms(where, most_rows, yes), fault)
        published = published_epochs(catalog.connection)
    finally:
        catalog.close()
    if proof is not None:
        _look_into_recovery(settings.recovery, condition, proof, published)
        _tell(proof, condition)
        return
    # an erasure beside a run had to leave its store alone
    only = Remains()
    _look_into_recovery(settings.recovery, condition, only, published)
    if only.left:
        only.stays.clear()
        _tell(only, condition)


@dataclass(frozen=True, slots=True)
class _Terms:
    """What the user wrote and allowed."""

    where: str
    most_rows: int | None
    yes: bool

    def require(self, found: "Found") -> None:
        from sinks.lake.upkeep.found import require_few

        require_few(found, self.most_rows, self.where)


def _erase_from(
    catalog: "Catalog", definition: "Definition", condition: "Condition", terms: _Terms, fault: "Fault"
) -> "Remains | None":
    """Look, ask, erase, prove; None where there was nothing to do."""
    from sinks.lake.catalog.erasures import erasures
    from sinks.lake.upkeep.erase import erase as erase_from_lake
    from sinks.lake.upkeep.found import look
    from sinks.lake.upkeep.holders import keyed_tables
    from sinks.lake.upkeep.turn import sole_turn

    # no compaction takes a file away while it is read
    with sole_turn(catalog.folder, _wait):
        found = look(catalog, definition, condition)
    terms.require(found)
    cut_short = [each for each in erasures(catalog.connection) if not each.finished]
    if not found.is_nothing:
        _announce(found, list(keyed_tables(catalog, definition, condition)))
        _require_yes(terms.yes)
    done = erase_from_lake(
        catalog,
        definition,
        condition,
        clock=lambda: datetime.now(UTC),
        wait=_wait,
        require=terms.require,
        fault=fault,
    )
    if found.is_nothing and not cut_short:
        typer.echo(f"{catalog.folder}: nothing to erase, no row matches")
        return done.proof if done.proof.left else None
    for each in cut_short:
        word = "went on with" if done.proof.left else "finished"
        typer.echo(f"{word} the erasure of {each.at:%Y-%m-%d %H:%M:%S}Z, which had been cut short")
    taken = [*done.found.rows.items(), *((f"{name} of the past", past) for name, past in done.found.past_rows.items())]
    rows = ", ".join(f"{name} {count:,}" for name, count in taken if count)
    typer.echo(f"erased: {rows or 'no further row'}; {done.files_deleted} files deleted, the catalog written anew")
    return done.proof


def _wait() -> None:
    time.sleep(0.1)


def _condition(where: str, definition: "Definition") -> "Condition":
    from dataflow.errors import ConfigError
    from dataflow.filter.equalities import equalities
    from sinks.lake.upkeep.holders import condition_schema

    try:
        return equalities(where, condition_schema(definition))
    except ValueError as error:
        raise ConfigError("--where", where, str(error)) from None


def _definition(row: tuple[str] | None, lake: Path) -> "Definition":
    from dataflow.errors import ForeignLake
    from sinks.lake.tables.definition import read_definition

    definition = None if row is None else read_definition(row[0])
    if definition is None:
        raise ForeignLake(f"no Tidemill pipeline has filled the lake {lake}; name another folder with --lake")
    return definition


def _announce(found: "Found", keyed: list[str]) -> None:
    from dataflow.spoken import counted

    for name, count in found.rows.items():
        how = f" ({found.by_field:,} by field, {found.by_bytes:,} by their bytes)" if name == "dead_letters" else ""
        typer.echo(f"{name}: {count:,} of {found.of[name]:,} rows match{how if count else ''}")
    for name, count in found.past_rows.items():
        rows = counted(count, "row")
        typer.echo(f"{name}: {rows} that left it before match as well; only older snapshots still show them")
    if found.cut:
        typer.echo(
            f"time travel to {counted(len(found.cut), 'snapshot')} from {found.cut[0]} to {found.cut[-1]} ends, "
            "since such rows show there"
        )
    typer.echo("late_events stays: it holds no field of the event. Sums and counts of rollups stay as they are")
    if keyed:
        typer.echo(f"these have the column as a key, and go on naming the value: {', '.join(keyed)}")


def _require_yes(yes: bool) -> None:
    from dataflow.errors import ConfigError

    if yes:
        return
    if not sys.stdin.isatty():
        raise ConfigError("--yes", False, "nothing was erased: say --yes to do what stands above, it cannot be undone")
    if not typer.confirm("Erase these rows? It cannot be undone"):
        typer.echo("nothing was erased")
        raise typer.Exit(1)


def _look_into_recovery(folder: Path, condition: "Condition", proof: "Remains", published: "Mapping[str, int]") -> None:
    """The store keeps the smallest and largest values of files that are not published yet; of ids, hashes alone."""
    from runtime.recovery_folder import RecoveryFolder
    from runtime.staged_values import forget_published
    from sinks.lake.upkeep.remains import files_with, searched_texts

    texts, store = searched_texts(condition), RecoveryFolder(folder)
    if not store.exists:
        typer.echo(f"not looked at: there is no recovery folder at {folder}; --recovery names another", err=True)
        return
    if any((folder / "dedup").glob("*/*.ids")):
        proof.stays.append(
            f"{folder}/dedup: hashes of event ids, no values; without them a repeat would count again, and they go "
            "when deduplicate_within is over"
        )
    held = files_with(folder, texts)
    if held and store.holder() is None:
        forget_published(store, published)
        store.scrub()
        typer.echo(
            f"{folder}: the recovery store held the value, and was written anew without what was deleted from it"
        )
        held = files_with(folder, texts)
    for path in held:
        proof.left.append(
            f"{path}: the state of epochs that a run has only just staged; stop the run if there is one, start "
            "and stop it once more, then run the same command again"
        )


def _tell(proof: "Remains", condition: "Condition") -> None:
    from sinks.lake.upkeep.remains import searched_texts

    for line in proof.stays:
        typer.echo(f"stays: {line}")
    for line in proof.left:
        typer.echo(f"LEFT: {line}")
    how = (
        "rows and bytes" if searched_texts(condition) else "rows; bytes were not looked for, as no single text says it"
    )
    typer.echo(f"looked at {proof.files:,} files, {proof.size_bytes:,} bytes, by {how}")
    if proof.left:
        raise typer.Exit(1)
    typer.echo("proven: nothing is left of what was erased" + (" but for what stays" if proof.stays else ""))
