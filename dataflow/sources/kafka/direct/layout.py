"""Where compiled code and its callers find what they share: in the table of batches, in what is told of a record."""

COLUMNS = 8
DATA, END, BASE, TIME, FIXED_TIME, COUNT, CODEC, BUFFER = range(COLUMNS)
"""What is known of a batch: addresses of its records, which may be compressed, and of their end; its first offset; the
time that its records' count from, or all have where FIXED_TIME is 1; how many there are; how they are compressed, and
in which buffer they lie once they are not.
"""
PARTS = 4
PART_BUFFER, KEY, KEY_LENGTH, HEADERS = range(PARTS)
"""What is told of a record besides its value: the buffer that it lies in, and where in it key and headers begin."""
WHOLE, DAMAGED, OLD, ODD = range(4)
"""How a scan ended: at the end, or at a batch with a wrong checksum, of an old format, or that is none."""
ENDED, NEXT_OFFSET = range(2)
"""What a scan tells besides its count: how it ended, and the offset behind what was looked at."""
NULLS, ODD_BATCH = range(2)
"""What an expansion tells besides its count: how many records have no value; the first batch that is odd, else -1."""
