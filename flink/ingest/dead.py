"""Dead letters of a job: judged again, which gives their messages and finds out where the two would not agree."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa

from dataflow.decode.decoder import Decoder, beside_of, decoder_for
from dataflow.decode.poll import decode_poll
from dataflow.errors import LakeError
from dataflow.event.record_part import header_column
from dataflow.formats.frame import HEADER, SchemaKey
from dataflow.intake.judge import Judge
from dataflow.messages import DEAD_SCHEMA, POLL_SCHEMA, Poll
from dataflow.pipeline.plan import Plan

UNKNOWN = "unknown_schema"


class _Nothing:
    """A registry without schemas."""

    def find(self, _key: SchemaKey) -> None:
        return None


class DeadLetters:
    """Of one pipeline. What a record is dead for does not depend on the records around it."""

    def __init__(self, plan: Plan) -> None:
        self._plan = replace(plan, dedup_column=None)
        self._decoder = decoder_for(self._plan, compiled=False, of_kafka=True)
        # where the job found no schema there may be one by now
        unknown = self._plan if plan.schemas is None else replace(self._plan, schemas=_Nothing())
        self._without_schemas = decoder_for(unknown, compiled=False, of_kafka=True)
        named = pa.field(header_column(HEADER), pa.binary())
        self._schema = POLL_SCHEMA.append(named) if named.name in beside_of(plan) else POLL_SCHEMA

    def rows(self, found: Sequence[dict[str, Any]]) -> pa.RecordBatch:
        """Rows of the job's table as rows of the lake's, by source partition and offset. Raises LakeError.

        `value` is bytes or None in them, and `partition` as a lake calls it.
        """
        by_partition: dict[str, list[dict[str, Any]]] = {}
        for row in sorted(found, key=lambda each: (each["partition"], each["offset"])):
            by_partition.setdefault(row["partition"], []).append(row)
        batches = [batch for partition, rows in by_partition.items() for batch in self._judged(partition, rows)]
        table = pa.Table.from_batches(batches, DEAD_SCHEMA)
        return table.sort_by([("partition", "ascending"), ("offset", "ascending")]).combine_chunks().to_batches()[0]

    def _judged(self, partition: str, rows: Sequence[dict[str, Any]]) -> Iterator[pa.RecordBatch]:
        dead = self._dead(partition, rows, self._decoder)
        told = _reasons(dead)
        unknown = [row for row in rows if row["reason"] == UNKNOWN and told.get(row["offset"]) != (UNKNOWN, None)]
        if unknown:
            # there was no schema when the job asked, and there is one by now
            again = self._dead(partition, unknown, self._without_schemas)
            told |= _reasons(again)
            others = {row["offset"] for row in unknown}
            dead = dead.filter(pa.array([each not in others for each in dead.column("offset").to_pylist()], pa.bool_()))
            yield again
        _require_same(partition, rows, told)
        yield dead

    def _dead(self, partition: str, rows: Sequence[dict[str, Any]], decoder: Decoder) -> pa.RecordBatch:
        """The rows of those that are dead."""
        columns = {"timestamp": "record_timestamp", header_column(HEADER): "header"}
        names = [columns.get(name, name) for name in self._schema.names]
        arrays = [
            pa.array([row[name] for row in rows], each.type) for name, each in zip(names, self._schema, strict=True)
        ]
        records = pa.RecordBatch.from_arrays(arrays, schema=self._schema)
        poll = Poll(records, rows[0]["offset"], rows[-1]["offset"] + 1)
        found = Judge(self._plan, partition, rows[0]["topic"]).judge(poll, decode_poll(decoder, poll)).dead
        return pa.RecordBatch.from_pylist([], DEAD_SCHEMA) if found is None else found


def _reasons(dead: pa.RecordBatch) -> dict[int, tuple[str, str | None]]:
    return {row["offset"]: (row["reason"], row["field"]) for row in dead.to_pylist()}


def _require_same(partition: str, rows: Sequence[dict[str, Any]], told: Mapping[int, tuple[str, str | None]]) -> None:
    for row in rows:
        ours = told.get(row["offset"])
        if ours != (row["reason"], row["field"]):
            what = "an event" if ours is None else f"dead: {ours[0]} {ours[1] or ''}".strip()
            raise LakeError(
                f"{partition}, offset {row['offset']}: the job says {row['reason']} {row['field'] or ''}, and by "
                f"the pipeline file it is {what}: its jar is another version's. Generate it again from the lake"
            )
