"""The second shipped pipeline: every answer equals a recount of the raw records."""

import csv
import os
import random
import shlex
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from dataflow.pipeline.load import load, load_pipeline
from query.reports import Shelf, reports_folder
from tests import harness
from tests.chaos.subject import PATIENCE_S, ROOT, TIDEMILL
from tests.model import adapter, bulk, dump, engine
from tests.model.files import read_folder
from tests.model.spec import Record
from tests.model.streams import Cuts
from tests.pipelines import payment_maker
from tests.pipelines.payment_answers import Answers
from tests.pipelines.payment_checks import PAYMENTS, assert_lake, recount
from tests.pipelines.payment_recount import PaymentRecount
from tests.test_readme import FENCE

SAMPLES = payment_maker.SAMPLES


@pytest.fixture(scope="module")
def counted() -> PaymentRecount:
    return recount(read_folder(SAMPLES))


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The samples, read by the program itself."""
    folder = tmp_path_factory.mktemp("payments")
    command = [*TIDEMILL, "run", "--pipeline", str(PAYMENTS), "--source", "files", "--input", str(SAMPLES)]
    done = subprocess.run(
        [*command, "--bounded", "--final", "-w", "2", "--batch-records", "50"],
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
    counted = recount(partitions)
    assert any(row[-2] for row in Answers(counted, finished=True).rollup("country_1h"))  # late for some of its windows
    assert_lake(tmp_path / "lake", counted)


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
