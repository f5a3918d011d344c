import pyarrow as pa
import pytest

from dataflow.errors import LakeError
from sinks.lake.catalog.arrow import arrow_type, column_type, lake_type
from sinks.lake.catalog.layout import Column


@pytest.mark.parametrize(
    ("arrow", "name"),
    [
        (pa.string(), "varchar"),
        (pa.int64(), "int64"),
        (pa.int32(), "int32"),
        (pa.float64(), "float64"),
        (pa.decimal128(38, 6), "decimal(38,6)"),
        (pa.date32(), "date"),
        (pa.bool_(), "boolean"),
        (pa.binary(), "blob"),
        (pa.timestamp("us"), "timestamp"),
    ],
)
def test_each_type_goes_to_ducklake_and_back(arrow: pa.DataType, name: str) -> None:
    assert lake_type(arrow) == name
    assert arrow_type(name).equals(arrow)


def test_milliseconds_are_timestamps_and_lists_are_lists() -> None:
    assert lake_type(pa.timestamp("ms")) == "timestamp"
    assert lake_type(pa.list_(pa.int64())) == "list"


@pytest.mark.parametrize("arrow", [pa.timestamp("us", "UTC"), pa.uint64(), pa.list_(pa.list_(pa.int64()))])
def test_types_that_no_table_uses_are_refused(arrow: pa.DataType) -> None:
    with pytest.raises(LakeError, match="cannot have the Arrow type"):
        lake_type(arrow)


def test_a_list_has_the_type_of_its_elements() -> None:
    assert column_type(Column(1, "n", "int64")) == pa.int64()
    assert column_type(Column(1, "n", "list", 2, "decimal(18,6)")) == pa.list_(pa.decimal128(18, 6))
    with pytest.raises(LakeError, match="a column of type hugeint"):
        column_type(Column(1, "n", "hugeint"))
