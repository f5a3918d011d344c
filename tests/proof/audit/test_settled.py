"""The snapshot and the catalog of one moment, and the pipeline that filled the lake last."""

from pathlib import Path

import pytest

from dataflow.errors import ConfigError
from dataflow.pipeline.plan import make_plan
from proof.audit.settled import require_same, settled
from query.reader import LakeReader
from tests.proof.audited import RECORDS, Audited, pipeline


def test_snapshot_and_catalog_are_of_one_moment_and_the_pipeline_is_asked_for(tmp_path: Path) -> None:
    lake = Audited(tmp_path)
    with LakeReader(lake.lake) as reader:
        snapshot, facts = settled(reader)
        assert snapshot.id == reader.snapshot().id
        assert {name: end for name, (end, _) in facts.offsets.items()} == {"left": RECORDS, "right": RECORDS}
        assert set(facts.digests) >= {file.id for file in snapshot.files("events")}
        assert (bool(facts.erased), facts.gone) == (False, {})
        require_same(reader, lake.plan)
        with pytest.raises(ConfigError, match="run the pipeline once"):
            require_same(reader, make_plan(pipeline(idle_timeout="1s"), tmp_path))
        with pytest.raises(ConfigError, match="the lake is that of small; name its file"):
            require_same(reader, make_plan(pipeline(name="other"), tmp_path))
