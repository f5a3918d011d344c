"""The file that is written, for any topic: it loads, check passes, and what it takes is what was promised."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import event, given, settings

from starter.draft import draft_pipeline
from starter.pipeline_file import pipeline_text
from starter.trial import try_file
from tests.starter.streams import record, sample, streams

ROOT = Path(__file__).parents[2]


def written(*values: bytes | None, name: str = "orders", **more: Any) -> str:
    found = sample(*values, **more)
    draft = draft_pipeline(found, name, f"topic {name}")
    return pipeline_text(draft, try_file(pipeline_text(draft), found))


@given(streams())
@settings(max_examples=300)
def test_any_stream_of_objects_gives_a_file_that_loads_and_takes_all_of_a_clean_sample(
    tmp_path_factory: pytest.TempPathFactory, stream: tuple[str, list[dict[str, Any]]]
) -> None:
    key, objects = stream
    found = sample(*map(record, objects))
    draft = draft_pipeline(found, "t", "topic t", key)
    text = pipeline_text(draft)
    trial = try_file(text, found)
    event(f"{len(draft.model.children)} fields")
    assert trial.dead == ()
    assert trial.events == len(objects)
    assert pipeline_text(draft_pipeline(found, "t", "topic t", key)) == text
