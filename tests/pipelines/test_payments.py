"""The second shipped pipeline: every answer equals a recount of the raw records."""

import csv
import os
import random
import shlex
import subprocess
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from dataflow.pipeline.load import load, load_pipeline
from query.definition import lake_definition
from query.reader import LakeReader, LakeSnapshot
from query.reports import Shelf, ask, reports_folder
from tests import harness
from tests.chaos.subject import PATIENCE_S, ROOT, TIDEMILL
from tests.model import adapter, bulk, dump, engine
from tests.model.files import read_folder
from tests.model.spec import Record
from tests.model.streams import Cuts
from tests.pipelines import payment_maker
from tests.pipelines.payment_answers import ROLLUPS, Answers, Row
from tests.pipelines.payment_recount import DAY_MS, PaymentRecount
from tests.test_readme import FENCE

PAYMENTS = ROOT / "pipelines" / "payments.py"
SAMPLES = payment_maker.SAMPLES
NOW = datetime(2026, 3, 3, tzinfo=UTC)


def recount(partitions: dict[str, list[Record]]) -> PaymentRecount:
    return PaymentRecount(
        PAYMENTS, {name: [(each.value, each.timestamp) for each in records] for name, records in partitions.items()}
    )


def rows(table: Any) -> list[Row]:
    return [tuple(row.values()) for row in table.to_pylist()]


def assert_equal(found: list[Row], expected: list[Row], *, about: int | None = None) -> None:
    """The same rows in the same order; column `about` within 1 %."""
    if about is None:
        assert found == expected
        return
    assert [row[:about] + row[about + 1 :] for row in found] == [row[:about] + row[about + 1 :] for row in expected]
    near = [None if row[about] is None else pytest.approx(float(row[about]), rel=0.011) for row in expected]
    assert [row[about] for row in found] == near


def assert_rollups(snapshot: LakeSnapshot, answers: Answers) -> None:
    for name in ROLLUPS:
        table = snapshot.query(f"SELECT * FROM {name}")
        columns = table.column_names
        row_of = columns.index("window_end") + 1
        about = columns.index("median_value") if "median_value" in columns else None
        expected = answers.rollup(name)
        found = {row[:row_of]: row for row in rows(table)}
        assert len(expected) == len(found) == table.num_rows > 5
        assert_equal([found[row[:row_of]] for row in expected], expected, about=about)


def assert_reports(snapshot: LakeSnapshot, shelf: Shelf, answers: Answers) -> None:
    def asked(name: str, **given: object) -> list[Row]:
        return rows(ask(snapshot, shelf.find(name), given, NOW, at="latest", limit=10_000).table)

    today = answers.newest // DAY_MS * DAY_MS
    assert asked("revenue_per_category") == answers.revenue_per_category(today)
    assert asked("revenue_per_category", day="yesterday") == answers.revenue_per_category(today - DAY_MS) != []
    for category in ("dining", "fuel"):
        assert asked("category_so_far", category=category) == answers.category_so_far(category, today) != []
    for minutes in (60, 100_000):
        assert asked("refund_rate", minutes=minutes) == answers.refund_rate(minutes) != []
    for days in (1, 30):
        assert asked("merchants_against_limit", days=days) == answers.merchants_against_limit(days) != []
    assert asked("merchants_against_limit", region="south") == answers.merchants_against_limit(30, "south") != []
    for hours in (1, 48):
        assert_equal(asked("chargebacks_per_country", hours=hours), answers.chargebacks_per_country(hours), about=7)
    assert_equal(asked("chargebacks_per_country", country="NL"), answers.chargebacks_per_country(1, "NL"), about=7)
    cards = {keys[0] for _, _, keys, _ in answers.shown("card_visits")}
    assert len(cards) > 5
    for card in cards:
        assert asked("visits_of_card", card=card, hours=48) == answers.visits_of_card(card, 48) != []


def assert_books(snapshot: LakeSnapshot, counted: PaymentRecount) -> None:
    """Ledger, dead letters with their reasons, late events."""
    sums = ", ".join(f"sum({name})::BIGINT" for name in ("read", "accepted", "duplicate", "late", "dead"))
    ledger = rows(snapshot.query(f"SELECT partition, {sums} FROM ledger GROUP BY partition ORDER BY partition"))
    classes = ("read", "accepted", "duplicate", "late", "dead")
    assert ledger == [(name, *(each[of] for of in classes)) for name, each in sorted(counted.counts.items())]
    dead = rows(snapshot.query('SELECT partition, "offset", reason, field FROM dead_letters ORDER BY ALL'))
    assert dead == sorted(counted.dead)
    late = rows(snapshot.query('SELECT rollup, partition, "offset" FROM late_events ORDER BY ALL'))
    assert late == sorted(counted.late)


def assert_lake(lake: Path, counted: PaymentRecount, *, finished: bool = True) -> None:
    answers = Answers(counted, finished=finished)
    with LakeReader(lake) as reader:
        snapshot = reader.snapshot()
        shelf = Shelf(reports_folder(str(PAYMENTS)), lake_definition(reader))
        assert_books(snapshot, counted)
        assert_rollups(snapshot, answers)
        assert_reports(snapshot, shelf, answers)


@pytest.fixture(scope="module")
def counted() -> PaymentRecount:
    return recount(read_folder(SAMPLES))


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The samples, read by the program itself."""
    folder = tmp_path_factory.mktemp("payments")
    command = [*TIDEMILL, "run", "--pipeline", str(PAYMENTS), "--source", "files", "--input", str(SAMPLES)]
    done = subprocess.run(
        [*command, "--bounded", "-w", "2", "--batch-records", "50"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder / "lake"


def test_the_pipeline_is_correct_and_shows_every_kind_of_window():
    plan = load(str(PAYMENTS))
    kinds = [(rollup.name, rollup.window.kind) for rollup in plan.rollups]
    assert kinds == [
        ("merchant_5m", "tumble"),
        ("merchant_1d", "tumble"),
        ("category_day", "cumulate"),
        ("country_1h", "hop"),
        ("card_visits", "session"),
    ]
    assert plan.event.event_time.name == "time"


def test_its_reports_belong_to_it_alone():
    ours = {"category_so_far", "chargebacks_per_country", "merchants_against_limit", "refund_rate"}
    ours |= {"revenue_per_category", "visits_of_card"}
    folder = reports_folder(str(PAYMENTS))
    shelf = Shelf(folder, None)
    owners = {path.stem: shelf.read(path).pipeline for path in shelf.files()}
    assert {name for name, owner in owners.items() if owner == "payments"} == ours
    assert set(owners.values()) == {"ads", "payments"}


def test_the_shipped_samples_are_what_the_maker_makes():
    found = {path.name: path.read_bytes() for path in SAMPLES.iterdir()}
    assert found == payment_maker.samples()


def test_every_merchant_of_the_dimension_is_paid_and_one_that_is_paid_is_unknown():
    with (PAYMENTS.parent / "dimensions" / "merchants.csv").open(newline="") as file:
        known = {row["merchant.id"] for row in csv.DictReader(file)}
    paid = {each[0] for each in payment_maker.MERCHANTS}
    assert paid - known == {"m-99"}
    assert known - paid == set()


def test_the_samples_hold_every_class_and_each_kind_of_mistake(counted: PaymentRecount):
    assert all(min(each[of] for of in ("accepted", "duplicate", "late", "dead")) for each in counted.counts.values())
    assert {(reason, field) for _, _, reason, field in counted.dead} == {
        ("constraint", "kind"),
        ("constraint", "time"),
        ("constraint", "value"),
        ("constraint", "brand"),
        ("constraint", "merchant.country"),
        ("missing_field", "merchant"),
        ("missing_field", "merchant.id"),
        ("missing_field", "offset"),
        ("wrong_type", "value"),
        ("malformed", None),
        ("not_object", None),
        ("empty", None),
    }
    assert Counter(rollup for rollup, _, _ in counted.late).keys() >= {"merchant_5m", "card_visits", "category_day"}


def test_every_answer_equals_the_recount(lake: Path, counted: PaymentRecount):
    assert_lake(lake, counted)


def test_the_samples_dump_as_the_model_says(lake: Path):
    spec = adapter.load(PAYMENTS)
    done = subprocess.run([*TIDEMILL, "dump", "out", "--lake", str(lake)], cwd=lake.parent, check=False)
    assert done.returncode == 0
    found = {path.name: path.read_bytes().decode() for path in (lake.parent / "out").iterdir()}
    assert found == dump.texts_of(spec, engine.run(spec, read_folder(SAMPLES)), events=True)


def words_of(block: str) -> Iterator[list[str]]:
    """The commands of an sh block, `tidemill` being the one under test."""
    for line in block.replace("\\\n", " ").splitlines():
        program, *rest = shlex.split(line)
        assert program == "tidemill"
        yield [*TIDEMILL, *rest]


def test_the_page_is_played_as_it_stands(tmp_path: Path):
    (tmp_path / "pipelines").symlink_to(ROOT / "pipelines")
    clean = {name: value for name, value in os.environ.items() if not name.startswith("TIDEMILL_")}
    (_, record), *blocks = FENCE.findall((ROOT / "docs" / "examples.md").read_text())
    assert record.replace("\n", "") in (SAMPLES / "gateway-a.ndjson").read_text().splitlines()
    shown = 0
    said = ""
    for language, block in blocks:
        if language == "sh":
            for words in words_of(block):
                done = subprocess.run(
                    words, cwd=tmp_path, env=clean, capture_output=True, text=True, timeout=PATIENCE_S, check=False
                )
                assert done.returncode == 0, done.stderr
                said = done.stdout
        else:
            assert said == block
            shown += 1
    assert shown > 5


def gateways(seed: int, count: int) -> dict[str, list[Record]]:
    """Of a seed of its own."""
    return {
        f"payments/{number}": [
            Record(at, value) for at, value in enumerate(payment_maker.stream(seed, name, count // (number + 1)))
        ]
        for number, name in enumerate(("x", "y"))
    }


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_other_streams_in_other_cuts_with_restarts_give_what_recount_and_model_say(seed: int, tmp_path: Path):
    pipeline, path = load_pipeline(str(PAYMENTS))
    partitions = gateways(seed, 700)
    cuts: Cuts = bulk.cuts(random.Random(seed))
    texts = harness.run(pipeline, path.parent, partitions, tmp_path, cuts)
    spec = adapter.load(PAYMENTS)
    assert texts == dump.texts_of(spec, engine.run(spec, partitions), events=True)
    assert_lake(tmp_path / "lake", recount(partitions))


def test_visits_are_open_while_more_may_come(tmp_path: Path):
    pipeline, path = load_pipeline(str(PAYMENTS))
    partitions = gateways(4, 150)
    product = harness.Product(pipeline, path.parent, partitions, tmp_path)
    for number in range(len(partitions)):
        product.poll(number, 1_000)
    product.end_epoch()
    product.end_epoch()
    product.close()
    counted = recount(partitions)
    answers = Answers(counted, finished=False)
    finality = Counter(row[-1] for row in answers.rollup("card_visits"))
    assert min(finality[True], finality[False]) > 0
    assert_lake(tmp_path / "lake", counted, finished=False)
