"""Arrow tables as rows: the same values as rows that a snapshot gives."""

from decimal import Decimal

import pyarrow as pa
import pytest

from query.reader import LakeReader
from serve.ask.rows import ARROW, LINES, VALUES
from serve.ask.table_rows import rows_of
from tests.query.lakes import LakeMaker

TABLE = pa.table({"n": [2**60, None], "money": [Decimal("1.50"), None], "text": ['a,"b"', ""]})


@pytest.mark.parametrize("way", [VALUES, LINES, ARROW])
def test_a_table_is_read_in_every_way(lake: LakeMaker, way: str) -> None:
    with LakeReader(lake.folder) as reader:
        found = rows_of(TABLE, way, reader)
    assert (found.count, [column.name for column in found.columns]) == (2, ["n", "money", "text"])
    shown = {VALUES: found.values, LINES: found.lines, ARROW: found.table}[way]
    assert (
        shown
        == {
            VALUES: [[str(2**60), None], ["1.50", None], ['a,"b"', ""]],
            LINES: [f'{2**60},1.50,"a,""b"""', ',,""'],
            ARROW: TABLE,
        }[way]
    )


def test_a_table_without_rows_has_its_columns(lake: LakeMaker) -> None:
    with LakeReader(lake.folder) as reader:
        found = rows_of(TABLE.slice(0, 0), VALUES, reader)
    assert (found.values, [column.type for column in found.columns]) == (
        [[], [], []],
        ["BIGINT", "DECIMAL(3,2)", "VARCHAR"],
    )
