"""Why targets are missed that no profile explains, in words."""

DEFAULT_PATH = (
    "A record takes about a quarter of a microsecond of CPU each in the broker, in librdkafka's thread, which makes a "
    "message of it, and in librdkafka's calls on the worker's thread, which take that message out of a queue and free "
    "it: 0.75 us before a byte is decoded. Two cores that did nothing else would give some 2.7 million events a "
    "second. The bare loop pays the same and then makes a Python object of each; `--fetch direct` halves what the "
    "client takes."
)
PAIRS = (
    "All events that others can still meet are read from files of the lake, decoded, hashed by key and stretch of time"
    " and held, in some 60 bytes each."
)
MEMORY = (
    "Of the 189 MiB of a run on the made-up stream, 79 are pages of shared libraries that it has touched, 41 of "
    "them of Arrow; 110 are its own. At full speed from Kafka librdkafka's queues, two polls and an epoch's rows come "
    "on top, and what the allocator keeps for the next poll."
)
LATENCY = (
    "An event waits for its epoch's end (50 ms at the mean), for the epoch's files to be written and synced (stage), "
    "until the recovery store has the epoch, which the next epoch's first poll tells, for the catalog (publish), and "
    "for a reader that looks every 5 ms whether there is a commit and then asks. Producer, broker and that reader take "
    "much of the two cores, so that each of these waits for them too; the figures tell how long at the mean."
)
DELTA = (
    "With a few rows a poll the time is that of the steps between them, which decode, judge and fold a batch; they are "
    "the same for one row and for hundreds."
)
EARLY = (
    "One thread does it all. A read of a source partition costs 3 to 7 ms however few its records are, nearly half of "
    "it in Python's own steps, and the partitions wait for each other; while an epoch is folded, staged and published, "
    "for 40 to 70 ms, nothing is read. Flink has a thread for each step, and goes on while it takes a checkpoint. "
    "Producer and broker take the rest of the two cores."
)
FOLD = (
    "A batch costs what its rows do and a part that does not depend on them: its ledger line, its delta rows as Arrow "
    "columns, one per key that it has, and the steps of Python in between. With many keys each row is a delta row."
)
PUBLISHING = (
    "One transaction writes the files of a dozen tables, their statistics and the offsets into the catalog, statement "
    "by statement from Python; syncing its log to the disk takes 0.3 ms of it. It is measured beside the producer, the "
    "broker and the reader on two cores."
)
WORKERS = (
    "Workers end their epochs together, once a second here, and wait for the epoch's files and for the recovery store; "
    "the steps of Python that a poll has they take in turns. What the machine gives two workers that share nothing at "
    "all stands in the same result as that of two runs apart."
)
PROCESSES = (
    "Processes end their epochs together, once a second here, and wait for the epoch's files and for the recovery "
    "store. What the machine gives two workers that share nothing at all stands in the same result as that of two runs "
    "apart."
)
STARTED = (
    "A start of about a second, most of it the loading of compiled code, is not shared by workers, and is as long as "
    "reading 2 million records."
)
