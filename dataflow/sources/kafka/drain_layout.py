"""Where a drain and its compiled code find what they share: in librdkafka's messages, lines, and a pour's stand."""

ERROR, TOPIC, PARTITION, PAYLOAD, LENGTH, OFFSET = 0, 8, 16, 24, 32, 56
"""Where rd_kafka_message_t has them, on every 64-bit machine."""

(
    LINE_TOPIC,
    LINE_NUMBER,
    LINE_OFFSETS,
    LINE_STAMPS,
    LINE_ENDS,
    LINE_DATA,
    LINE_VALID,
    LINE_ROWS,
    LINE_ROW_ROOM,
    LINE_BYTES,
    LINE_BYTE_ROOM,
    LINE_NULLS,
    LINE_NEXT,
    LINE_HELD,
) = range(14)
"""The columns of a table of lines: who the records are, where their columns lie, how many they are and may be, the
offset behind the last one, and the bytes of all that was not taken, ROW_BYTES for each included."""
LINE_COLUMNS = 14
ROW_BYTES = 20
"""What a record takes in a line besides its value."""

NOBODY = -1
"""As LINE_ROW_ROOM: what comes is destroyed."""

NAMES = ("rd_kafka_consume_batch_queue", "rd_kafka_message_timestamp", "rd_kafka_message_destroy")
"""The functions of librdkafka that the compiled code calls."""

BEGIN, END, LEFT, ADDED, KIND = range(5)
"""What a pour goes on from and where it has come to: messages that were taken out of the queue and are not copied, how
many more may be, by how many bytes the lines have grown; and a word that it writes over."""
STAND_WORDS = 5
