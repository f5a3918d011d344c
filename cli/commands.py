"""The commands by name and what each does, in a line: known without the modules that do it."""

COMMANDS = {
    "run": "Read events, fold them into windows, commit them into the lake; go on where the last run ended.",
    "demo": (
        "Play a seeded ad stream through the real pipeline into a lake of its own; show page, progress and answers."
    ),
    "produce": "Write a seeded ad stream, as JSON records, to a topic; the topic is made when it is missing.",
    "fraud": "Write an ad stream in which it is known which events are fraud, and the labels in a file of their own.",
    "recover": "Take a lake over when its recovery folder is lost, or when the lake was restored from a backup.",
    "init": "Look at some records of a topic, or of a folder of NDJSON files, and write a pipeline file for them.",
    "check": "Check the pipeline file, its reports and boards; print its tables, columns, windows, and what is held.",
    "query": "Answer one SELECT, while the pipeline writes or not. `SHOW TABLES` lists what there is.",
    "report": "Answer a standing question: a report of the pipeline, or a rollup. Without a name, all are listed.",
    "alerts": "List the alerts of the lake as they stand, newest windows first; those that were retracted say so.",
    "rules": "Alert rules of the pipeline file, tried on records of a file.",
    "serve": ("Answer over HTTP while the pipeline writes or not: reports, rollups, SQL, a change feed and a page."),
    "snapshots": "List snapshots, newest first: id, time, rows added per table, offsets read per source partition.",
    "files": "Name the Parquet files that hold a table's rows at a snapshot: all of them, and no others.",
    "dump": "Write one CSV per table into DIR; equal tables give equal files, so `diff -r` compares two lakes.",
    "lateness": "Corrections per rollup and window: how often, how many rows, how far each sum and count moved.",
    "compact": "Compact the lake, beside a run or not; what is older than it is kept leaves.",
    "erase": "Erase one person's rows from the lake and all snapshots that show them; prove that nothing is left.",
    "backfill": "Fill a rollup that was added later from the table `events`, exactly, as far back as that reaches.",
    "audit": "Prove from the source that the lake holds every record exactly once, or name what differs.",
    "doctor": "Examine pipeline file, source, windows, recovery folder, lake, disks and clocks. Changes nothing.",
    "replay": (
        "Process the lake's source again, with any number of workers, and compare every table with the live lake."
    ),
    "parity": "Run pinned offsets of a topic through every engine and compare all tables, row by row.",
    "config": "Settings: flag, else environment TIDEMILL_*, else tidemill.toml, else default.",
    "flink": "The same pipeline on Apache Flink: a cluster here, and jobs on it.",
    "spark": "The same pipeline on Apache Spark: jobs for it, and runs of them here.",
    "kafka": "A real Apache Kafka (KRaft, one node) on 127.0.0.1.",
}
"""The first line of each command's own help. The module of that name, beside this one, holds the function of that name,
or a group `app`."""
