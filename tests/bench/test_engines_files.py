"""The job over files differs from the generated one in its source alone."""

from dataclasses import replace
from pathlib import Path

import pytest

from bench.engines import Bench
from bench.engines_files import RECORDS, over_files
from bench.measure import BenchError
from flink.generate.generate import generate
from flink.generate.options import Options


def test_the_source_alone_is_another_one(tmp_path: Path) -> None:
    job = generate(Bench.plan("one"), Options(bounded=True))
    found = over_files(job, tmp_path)
    changed = [(old, new) for old, new in zip(job.statements, found.statements, strict=True) if old != new]
    assert len(changed) == 1
    old, new = changed[0]
    assert old.startswith(RECORDS)
    assert f"'path' = 'file://{tmp_path}'" in new
    # what the statements after it read is there
    for column in ("topic", "partition", "offset", "_timestamp", "_timestamp_type", "_value", "_now"):
        assert f"  `{column}` " in old
        assert f"  `{column}` " in new


def test_a_job_whose_source_is_not_known_is_refused(tmp_path: Path) -> None:
    job = generate(Bench.plan("one"), Options(bounded=True))
    with pytest.raises(BenchError, match="does not name its source"):
        over_files(replace(job, statements=job.statements[:3]), tmp_path)
