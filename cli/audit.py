"""`tidemill audit`: the source read again, and everything in the lake compared with it."""

from typing import Annotated

import typer

from cli.lakes import open_reader
from cli.options import (
    BrokersFlag,
    GeneratorPartitionsFlag,
    GeneratorRateFlag,
    GeneratorSeedFlag,
    InputFlag,
    KafkaFlag,
    LakeFlag,
    PipelineFlag,
    SourceFlag,
    TopicFlag,
    kafka_properties,
)

PartitionFlag = Annotated[
    str | None, typer.Option("--partition", help="Only this source partition, like ads/3.", metavar="NAME")
]
FromFlag = Annotated[int | None, typer.Option("--from", help="Only offsets from this one on.", metavar="OFFSET")]
ToFlag = Annotated[int | None, typer.Option("--to", help="Only offsets below this one.", metavar="OFFSET")]
SinceFlag = Annotated[
    str | None, typer.Option("--since", help="Only what was committed at this UTC time or later.", metavar="TIME")
]
UntilFlag = Annotated[
    str | None, typer.Option("--until", help="Only what was committed before this UTC time.", metavar="TIME")
]
JsonFlag = Annotated[bool, typer.Option("--json", help="Everything as one JSON document.")]


def audit(
    partition: PartitionFlag = None,
    start: FromFlag = None,
    end: ToFlag = None,
    since: SinceFlag = None,
    until: UntilFlag = None,
    as_json: JsonFlag = False,
    pipeline: PipelineFlag = None,
    source: SourceFlag = None,
    input_folder: InputFlag = None,
    brokers: BrokersFlag = None,
    topic: TopicFlag = None,
    kafka: KafkaFlag = None,
    lake: LakeFlag = None,
    generator_seed: GeneratorSeedFlag = None,
    generator_rate: GeneratorRateFlag = None,
    generator_partitions: GeneratorPartitionsFlag = None,
) -> None:
    """Prove from the source that the lake holds every record exactly once, or name what differs.

    Exit code 0 when nothing differs, 1 when something does. May run beside the pipeline.
    """
    import json
    import time
    from datetime import UTC, datetime

    from cli.sources import reopen
    from dataflow.load import load
    from dataflow.settings import load_settings
    from query.audit import Selection
    from query.audit import audit as audit_lake
    from query.moment import parse_time

    settings = load_settings(
        {
            "pipeline": pipeline,
            "source": source,
            "input": input_folder,
            "brokers": brokers,
            "topic": topic,
            "kafka": kafka_properties(kafka),
            "lake": lake,
            "generator_seed": generator_seed,
            "generator_rate": generator_rate,
            "generator_partitions": generator_partitions,
        }
    )
    plan = load(settings.pipeline)
    selection = Selection(
        partition,
        start,
        end,
        None if since is None else parse_time(since),
        None if until is None else parse_time(until),
    )
    with open_reader(settings.lake) as reader:
        reader.snapshot()
        again = reopen(settings, plan, reader, lambda: datetime.now(UTC))
        try:
            report = audit_lake(reader, plan, again, selection=selection, wait=lambda: time.sleep(0.005))
        finally:
            again.close()
    if as_json:
        typer.echo(json.dumps(report.as_json(), indent=2, ensure_ascii=False))
    else:
        for line in report.lines():
            typer.echo(line)
    raise typer.Exit(0 if report.is_proven else 1)
