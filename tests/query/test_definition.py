"""The pipeline as its lake remembers it."""

from pathlib import Path

import pytest

from dataflow.errors import ForeignLake, LakeMissing
from query.definition import lake_definition
from query.reader import LakeReader
from sinks.lake.catalog.catalog import Catalog
from tests.query.lakes import T0, LakeMaker


def test_a_reader_knows_the_pipeline_without_its_file(lake: LakeMaker) -> None:
    with LakeReader(lake.folder) as reader:
        known = lake_definition(reader)
    assert (known.name, known.out_of_orderness_ms, known.idle_timeout_ms) == ("ads", 5_000, 30_000)
    assert [rollup.name for rollup in known.rollups] == ["ad_clicks_1m", "campaign_1m", "revenue_1h", "visits"]


def test_a_lake_that_no_pipeline_has_filled_is_refused(tmp_path: Path) -> None:
    Catalog.create(tmp_path, T0).close()
    with LakeReader(tmp_path) as reader, pytest.raises(ForeignLake, match="no Tidemill pipeline has filled"):
        lake_definition(reader)


def test_a_lake_of_another_maker_is_refused(lake: LakeMaker) -> None:
    lake.catalog.connection.execute("DROP TABLE own_pipeline")
    with LakeReader(lake.folder) as reader, pytest.raises(ForeignLake, match="--lake"):
        lake_definition(reader)


def test_a_definition_that_is_not_written_yet_still_has_its_name(lake: LakeMaker) -> None:
    lake.catalog.connection.execute("UPDATE own_pipeline SET definition = '{}'")
    with LakeReader(lake.folder) as reader:
        assert lake_definition(reader).name == "ads"


def test_no_lake_is_said_to_be_missing(tmp_path: Path) -> None:
    with LakeReader(tmp_path / "none") as reader, pytest.raises(LakeMissing):
        lake_definition(reader)
