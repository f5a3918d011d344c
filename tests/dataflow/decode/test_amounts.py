"""Money in texts, whole columns at once."""

from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from dataflow.decode.amounts import MoneyTexts, only
from dataflow.event.annotations import Constraints
from dataflow.event.fields import FieldKind, text_to_micros
from tests.dataflow.decode.json.test_columns import leaf

AMOUNT = leaf(FieldKind.MONEY, pa.decimal128(18, 6), is_amount_text=True)


@pytest.mark.parametrize("text", ["0", "-0.10", "007.5", "999999999999.999999", "+1", "", "1e3", "0.0000001", "x"])
def test_what_is_not_marked_is_the_amount_that_the_contract_reads(text: str) -> None:
    marks = np.zeros(3, np.bool_)
    column = MoneyTexts(AMOUNT)(["1.5", text, None], marks)
    assert (column[0].as_py(), column[2].as_py()) == (Decimal("1.5"), None)
    assert not marks[0]
    assert not marks[2]
    micros = text_to_micros(text)
    assert marks[1] or (micros is not None and column[1].as_py() == Decimal(micros).scaleb(-6))
    assert not marks[1] or micros is None or text == "+1"


def test_amounts_outside_a_fields_bounds_are_marked() -> None:
    marks = np.zeros(3, np.bool_)
    bounded = leaf(
        FieldKind.MONEY,
        pa.decimal128(18, 6),
        is_amount_text=True,
        constraints=Constraints(bounds=(("lt", Decimal(5)),)),
    )
    MoneyTexts(bounded)(["4.999999", "5", None], marks)
    assert marks.tolist() == [False, True, False]


def test_texts_of_another_form_are_marked_and_replaced() -> None:
    marks = np.zeros(3, np.bool_)
    assert only("^a$", pa.array(["a", "b", None]), marks).to_pylist() == ["a", "0", None]
    assert marks.tolist() == [False, True, False]
