"""Where the sessions begin that reach over a border, against a plain model."""

from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from dataflow.errors import LakeError
from sinks.lake.catalog.catalog import Catalog
from sinks.lake.names import table_folder
from sinks.lake.upkeep.crossing import floor_ms
from tests.sinks.lake.upkeep.leaving import Hit, Leaving, plan_of, visits_of


def floor(lake: Leaving, before_ms: int) -> int:
    catalog = Catalog.open(lake.folder)
    table = catalog.tables()["visits_delta"]
    catalog.close()
    paths = sorted(table_folder(lake.folder, table.path).glob("*.parquet"))
    return floor_ms(paths, table, ["ad"], before_ms)


HITS = st.lists(
    st.builds(Hit, st.sampled_from("ab"), st.integers(0, 40).map(lambda at: at * 3_000), st.just(1)), min_size=1
)


@settings(max_examples=20, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(st.lists(HITS, min_size=1, max_size=4), st.lists(st.integers(0, 150_000), min_size=10, max_size=10))
def test_the_floor_is_where_the_first_session_begins_that_reaches_over_the_border(
    tmp_path_factory: pytest.TempPathFactory, commits: list[list[Hit]], borders: list[int]
) -> None:
    lake = Leaving(tmp_path_factory.mktemp("crossing") / "lake", plan_of())
    for hits in commits:
        lake.commit(hits)
    for before_ms in borders:
        across = [start for _, start, end, *_ in visits_of(lake.hits) if start <= before_ms < end]
        assert floor(lake, before_ms) == min(across, default=before_ms)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    lake = Leaving(tmp_path / "lake", plan_of())
    lake.commit([Hit("a", 0, 1)])
    path = next((lake.folder / "main" / "visits_delta").iterdir())
    path.write_bytes(b"nothing")
    with pytest.raises(LakeError, match=f"{path} cannot be read"):
        floor(lake, 5)
