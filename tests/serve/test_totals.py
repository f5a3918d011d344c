"""The ledger's totals: equal to a recount at every snapshot, whatever was committed or merged meanwhile."""

from datetime import timedelta
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from query.reader import LakeReader, LakeSnapshot
from serve.totals import LedgerTotals, Totals
from tests.query.lakes import T0, LakeMaker, ledger, merge


def recount(snapshot: LakeSnapshot) -> dict[str, tuple[int, ...]]:
    table = snapshot.query(
        'SELECT "partition", sum("read")::BIGINT AS n, sum(accepted)::BIGINT AS a, sum(dead)::BIGINT AS d'
        " FROM ledger GROUP BY ALL"
    )
    return {row["partition"]: (row["n"], row["a"], row["d"]) for row in table.to_pylist()}


def told(totals: Totals) -> dict[str, tuple[int, ...]]:
    return {name: (each.read, each.accepted, each.dead) for name, each in totals.partitions.items()}


@settings(max_examples=15)
@given(steps=st.lists(st.sampled_from(["commit", "commit", "look", "merge", "back"]), max_size=10))
def test_totals_are_those_of_a_recount(tmp_path_factory, steps: list[str]) -> None:
    with LakeMaker(tmp_path_factory.mktemp("totals") / "lake") as lake, LakeReader(lake.folder) as reader:
        totals, number, is_merged = LedgerTotals(), 0, False
        lake.commit({"ledger": [ledger("p/0", 0, 1, T0)]})
        for step in [*steps, "look"]:
            if step == "commit":
                number += 1
                lines = [ledger(f"p/{n}", number, number + 3, T0, dead=n, topic="p") for n in range(2)]
                lake.commit({"ledger": lines})
            elif step == "merge":
                if len(reader.snapshot().files("ledger")) > 1 and not is_merged:
                    merge(lake.catalog, "ledger")
                    is_merged = True
            else:
                snapshot = reader.snapshot(1) if step == "back" else reader.snapshot()
                assert told(totals.at(snapshot)) == recount(snapshot)


def test_only_new_files_are_read(tmp_path: Path) -> None:
    with LakeMaker(tmp_path / "lake") as lake, LakeReader(lake.folder) as reader:
        lake.commit({"ledger": [ledger("p", 0, 5, T0)]})
        totals = LedgerTotals()
        totals.at(reader.snapshot())
        (old,) = reader.snapshot().files("ledger")
        old.path.unlink()
        lake.commit({"ledger": [ledger("p", 5, 7, T0)]})
        assert told(totals.at(reader.snapshot())) == {"p": (7, 7, 0)}


def test_commits_of_the_last_minute_are_kept_one_by_one(tmp_path: Path) -> None:
    with LakeMaker(tmp_path / "lake") as lake, LakeReader(lake.folder) as reader:
        totals = LedgerTotals()
        for number, after_s in enumerate([1, 50, 30, 10]):
            lake.commit({"ledger": [ledger("p", number, number + 2, T0), ledger("q", 0, 0, None)]}, after_s=after_s)
            found = totals.at(reader.snapshot())
        times = [T0 + timedelta(seconds=after) for after in (51, 81, 91)]
        assert [line[0] for line in found.recent] == [int(time.timestamp() * 1e6) for time in times]
        assert [line[1:] for line in found.recent] == [(2, 2)] * 3
        assert found.partitions["q"].committed_us is None


def test_a_lake_without_a_commit_comes_to_nothing(tmp_path: Path) -> None:
    with LakeMaker(tmp_path / "lake") as lake, LakeReader(lake.folder) as reader:
        assert LedgerTotals().at(reader.snapshot()) == Totals({}, (), None)
