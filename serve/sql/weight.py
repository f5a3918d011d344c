"""How heavy rows are: what an answer's limit in bytes counts."""

import pyarrow as pa
import pyarrow.compute as pc

VALUE_BYTES = 4
"""What a value takes beside its own bytes: a null or a truth has next to none in Arrow, and is a word in every text."""


def weight_bytes(table: pa.Table) -> int:
    """The rows' bytes as Arrow, VALUE_BYTES a value, and a dictionary's words as often as rows have them."""
    return table.nbytes + sum(_more(chunk) for column in table.columns for chunk in column.chunks)


def _more(array: pa.Array) -> int:
    own = VALUE_BYTES * len(array)
    match array:
        case pa.ExtensionArray():
            return _more(array.storage)
        case pa.DictionaryArray():
            lengths = pc.binary_length(array.dictionary).take(array.indices)
            return own + int(lengths.sum().as_py() or 0)
        case pa.MapArray():
            # its keys and items are whole, whatever a slice leaves out
            first, last = (array.offsets[at].as_py() for at in (0, len(array)))
            return own + sum(_more(each.slice(first, last - first)) for each in (array.keys, array.items))
        case pa.ListArray() | pa.LargeListArray() | pa.FixedSizeListArray():
            return own + _more(array.flatten())
        case pa.StructArray():
            return own + sum(_more(each) for each in array.flatten())
        case pa.UnionArray():
            return own + sum(_more(array.field(number)) for number in range(array.type.num_fields))
    return own
