"""Dead letters of a job: judged again, which gives their messages and finds out where the two would not agree."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa

from dataflow.decode.decoder import decoder_for
from dataflow.decode.poll import decode_poll
from dataflow.errors import LakeError
from dataflow.intake.judge import Judge
from dataflow.messages import DEAD_SCHEMA, POLL_SCHEMA, Poll
from dataflow.pipeline.plan import Plan


class DeadLetters:
    """Of one pipeline. What a record is dead for does not depend on the records around it."""

    def __init__(self, plan: Plan) -> None:
        self._plan = replace(plan, dedup_column=None)
        self._decoder = decoder_for(self._plan, compiled=False, of_kafka=True)

    def rows(self, found: Sequence[dict[str, Any]]) -> pa.RecordBatch:
        """Rows of the job's table as rows of the lake's, by source partition and offset. Raises LakeError.

        `value` is bytes or None in them, and `partition` as a lake calls it.
        """
        by_partition: dict[str, list[dict[str, Any]]] = {}
        for row in sorted(found, key=lambda each: (each["partition"], each["offset"])):
            by_partition.setdefault(row["partition"], []).append(row)
        batches = [self._judged(partition, rows) for partition, rows in by_partition.items()]
        table = pa.Table.from_batches(batches, DEAD_SCHEMA)
        return table.combine_chunks().to_batches()[0]

    def _judged(self, partition: str, rows: Sequence[dict[str, Any]]) -> pa.RecordBatch:
        columns = {"offset": "offset", "timestamp": "record_timestamp", "value": "value"}
        arrays = [pa.array([row[columns[field.name]] for row in rows], field.type) for field in POLL_SCHEMA]
        records = pa.RecordBatch.from_arrays(arrays, schema=POLL_SCHEMA)
        poll = Poll(records, rows[0]["offset"], rows[-1]["offset"] + 1)
        judge = Judge(self._plan, partition, rows[0]["topic"])
        dead = judge.judge(poll, decode_poll(self._decoder, poll)).dead
        told = {} if dead is None else {row["offset"]: (row["reason"], row["field"]) for row in dead.to_pylist()}
        for row in rows:
            ours = told.get(row["offset"])
            if ours != (row["reason"], row["field"]):
                what = "an event" if ours is None else f"dead: {ours[0]} {ours[1] or ''}".strip()
                raise LakeError(
                    f"{partition}, offset {row['offset']}: the job says {row['reason']} {row['field'] or ''}, and by "
                    f"the pipeline file it is {what}: its jar is another version's. Generate it again from the lake"
                )
        assert dead is not None, "every row was found among them"
        return dead
