"""The tables that the compiled pass over JSON records reads and writes: all of int64, in rows, passed as addresses."""

OBJECT, TEXT, JSON, INT, BOOL, MONEY, FLOAT, AMOUNT, DATE, TIME = range(10)
"""What a node is; node 0 is the event itself, each other one is a member of an object with a lower number."""

(
    KIND, PARENT, BEHIND, LEVEL, REQUIRED, NULL_OK, HAS_DEFAULT, DEFAULT, DEFAULTS, KEY, KEY_LENGTH, FIRST, FIRST_MASK,
    SECOND, SECOND_MASK, SHORTEST, LONGEST, LOW, HIGH, CHOSEN, UNIT, LAX, LOCAL,
) = range(0, 8 * 23, 8)  # fmt: skip
"""Columns of the table of nodes, in bytes.

BEHIND is the first node behind all that are in it. KEY is the place in the pool of its key as `"key":`, whose first 16
bytes are also in FIRST and SECOND. A text's place is position << 32 | length, in the pool. DEFAULTS is the row in the
table of defaults (is one there, which) of the first node in an object that may be absent; below zero where all in it
are null then. CHOSEN owns its choices, 0 without. LOCAL: a time without a zone is noted with ZONELESS.
"""
NODE_BYTES = 8 * 23
ZONELESS = 2

OWNER, ITS_FIRST, ITS_SECOND, LENGTH, PLACE, FOUND = range(0, 8 * 6, 8)
"""Columns of the table of names, keys of an object (node + 1 owns them) and choices: by hash, FOUND is 0 for none."""
NAME_BYTES = 8 * 6

VALUES, THERE, ENDS, ROOM = range(0, 8 * 4, 8)
"""Columns of the table of outputs: addresses of values, of a byte per row, of where texts end; bytes for texts."""
OUTPUT_BYTES = 8 * 4

(
    DATA, VALUE_ENDS, VIEWS, BASES, VALID, ROWS, MOST_BYTES, SHORT, GOOD_AT, ODD_AT,
    ROW, GOOD, ODD, FULL, WANTED,
    NODES, COUNT, NAMES, NAMES_MASK, POOL, DEFAULT_TABLE, ORDER, SEEN, EVERY, WORDS, OUTPUTS,
    SPANS, KEYS, KEYS_MASK, MISSED, PATH,
) = range(0, 8 * 31, 8)  # fmt: skip
"""Columns of the one row that a call is given.

The records, 0 for what there is not; the rows looked at, good ones, odd ones, the node whose texts have no room, the
bytes it wants; tables of nodes, names, defaults, of what followed what, bits of the nodes seen and of all, outputs,
where members are noted; keys by hash; how many keys did not stand behind the one that they followed before, and the
order of keys of the last record that was read in two passes.
"""
FRAME_COLUMNS = 31

SHORTEST_RECORD, SPARE = 16, 32
"""Shorter records are copied to where 16 bytes before their end can be read; behind texts so much may be written."""

FACTORS = 0x9E3779B97F4A7C15 - (1 << 64), 0xD6E8FEB86659FD93 - (1 << 64), 0x2545F4914F6CDD1D


def hash_of(owner: int, first: int, second: int, length: int) -> int:
    """Where the search for a name begins, as 32 bits."""
    mixed = (first * FACTORS[0] ^ second * FACTORS[1] ^ (owner << 8 | length & 0xFF) * FACTORS[2]) & (1 << 64) - 1
    return mixed >> 32


def key_hash_of(written: bytes) -> int:
    """Where in the table of keys one is that is written so, with its quotes and its colon, as 32 bits."""
    length = len(written) - 1
    places = 0, (length >> 1) - 1, length - 3
    first, middle, last = (int.from_bytes(written[place : place + 4], "little") for place in places)
    mixed = (first * FACTORS[0] ^ middle * FACTORS[1] ^ (last + length) * FACTORS[2]) & (1 << 64) - 1
    return mixed >> 32
