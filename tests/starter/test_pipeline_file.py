"""The file that is written, for any topic: it loads, check passes, and what it takes is what was promised."""

import random
import subprocess
import sys
from pathlib import Path
from typing import Any

from hypothesis import Phase, event, given, settings
from hypothesis import strategies as st

from dataflow.pipeline.load import load
from starter.draft import PipelineDraft, draft_pipeline
from starter.pipeline_file import DECLARATIONS, pipeline_text
from starter.sample import Sample
from starter.trial import try_file
from tests.harness import Product
from tests.model.spec import Record
from tests.model.streams import Cuts
from tests.starter.streams import T0_MS, orders, record, sample, streams

ROOT = Path(__file__).parents[2]


def drafted(found: Sample, name: str = "orders", time: str | None = None) -> PipelineDraft:
    return draft_pipeline(found, name, f"topic {name}", time)


def written(found: Sample, name: str = "orders") -> str:
    draft = drafted(found, name)
    return pipeline_text(draft, try_file(pipeline_text(draft), found))


@given(streams())
@settings(max_examples=100)
def test_any_stream_of_objects_gives_a_file_that_loads_and_takes_all_of_a_clean_sample(
    stream: tuple[str, list[dict[str, Any]]],
) -> None:
    key, objects = stream
    found = sample(*map(record, objects))
    draft = drafted(found, time=key)
    text = pipeline_text(draft)
    event(f"{min(3, len(draft.model.children))} fields or more, {len([*draft.model.nested()])} nested")
    trial = try_file(text, found)
    assert (trial.dead, trial.events) == ((), len(objects))
    # and it is the same file each time
    assert pipeline_text(drafted(found, time=key)) == text


@given(streams(), st.integers(0, 2**32))
@settings(max_examples=12, phases=(Phase.explicit, Phase.reuse, Phase.generate))
def test_a_replay_of_a_clean_sample_through_the_pipeline_has_no_dead_record(
    tmp_path_factory: Any, stream: tuple[str, list[dict[str, Any]]], seed: int
) -> None:
    key, objects = stream
    folder = tmp_path_factory.mktemp("replay")
    values = [*map(record, objects)]
    (folder / "t.py").write_text(pipeline_text(drafted(sample(*values), time=key)), "utf-8")
    product = Product(
        load(str(folder / "t.py")).pipeline, folder, {"t/0": [*map(_as_record, range(99), values)]}, folder
    )
    product.run(Cuts((("poll", 0, 1 + seed % 7), ("epoch", 0, 0))))
    texts = product.texts()
    assert (texts["dead.csv"].count("\n"), texts["late.csv"].count("\n")) == (1, 1)


def _as_record(offset: int, value: bytes) -> Record:
    return Record(offset, value, None)


@given(st.lists(st.one_of(st.binary(max_size=30), st.none()), max_size=8), st.randoms(use_true_random=False))
@settings(max_examples=60)
def test_what_does_not_fit_is_counted_as_a_run_would_and_stands_in_the_file(
    broken: list[bytes | None], draw: random.Random
) -> None:
    values: list[bytes | None] = [*map(record, orders(40)), *broken]
    draw.shuffle(values)
    found = sample(*values)
    trial = try_file(pipeline_text(drafted(found)), found)
    assert trial.events == 40
    assert sum(count for _, _, count in trial.dead) == len(broken)
    assert (f"{len(broken):,} would be dead letters" in written(found)) == bool(broken)


def test_files_are_in_the_form_of_ruff_and_break_none_of_its_rules(tmp_path: Path) -> None:
    typed = [{"@timestamp": "2026-03-01T00:00:00Z", "a": {"b": {"c": 1.5}}, "type": "ab"[n % 2]} for n in range(99)]
    odd: dict[str, Any] = {"d": "2026-03-01", "k" * 47: "x" * 200, "y-" * 20: 1, 'q"': None}
    samples = [
        sample(*map(record, orders(300))),
        sample(*map(record, orders(3))),
        sample(*map(record, orders(60, **odd))),
        sample(record({"ts": T0_MS})),
        sample(*map(record, typed)),
    ]
    for number, found in enumerate(samples):
        (tmp_path / f"p{number}.py").write_text(written(found), "utf-8")
    rules = ["--select", "E,F,W,I,B,UP,D", "--ignore", "D105,D107,D203,D213,D205,D212,D400,D401,D415", "--isolated"]
    first_party = ["--config", f'lint.isort.known-first-party = ["{DECLARATIONS}"]']
    width = ["--line-length", "120", "--target-version", "py311", "--no-cache"]
    for command in (
        ["format", "--check", "--diff", "--isolated", *width, "."],
        ["check", *rules, *first_party, *width, "."],
    ):
        done = subprocess.run([sys.executable, "-m", "ruff", *command], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def test_a_file_reads_as_a_person_would_write_it() -> None:
    found = sample(*map(record, orders(400)), b"{", stamps_ms=[each["ts"] + 5 for each in orders(400)] + [None])
    shown = (ROOT / "tests" / "starter" / "orders_pipeline.txt").read_text()
    assert written(found) == shown.replace("from dataflow", f"from {DECLARATIONS}")


def test_names_from_outside_end_no_line_and_no_string(tmp_path: Path) -> None:
    found = sample(*(record({"ts": T0_MS + n, 'a"""\n\\': 1.5, "x\r\n# ": [1]}) for n in range(30)))
    draft = draft_pipeline(found, "t", 'folder """\n\\')
    assert try_file(pipeline_text(draft, try_file(pipeline_text(draft), found)), found).dead == ()
