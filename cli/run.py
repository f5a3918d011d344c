"""`tidemill run`: the pipeline itself, until its input ends or somebody stops it."""

import sys

import typer

from cli.options import (
    BatchRecordsFlag,
    BoundedFlag,
    BrokersFlag,
    CompactEveryFlag,
    EpochMsFlag,
    EventsFlag,
    GeneratorPacedFlag,
    GeneratorPartitionsFlag,
    GeneratorRateFlag,
    GeneratorRecordsFlag,
    GeneratorSecondsFlag,
    GeneratorSeedFlag,
    GroupFlag,
    InputFlag,
    KafkaFlag,
    LakeFlag,
    LogFormatFlag,
    LogLevelFlag,
    MaxEpochBytesFlag,
    MetricsPortFlag,
    PipelineFlag,
    ProcessesFlag,
    RangesFlag,
    RecoveryFlag,
    SourceFlag,
    StartFlag,
    TopicFlag,
    WorkersFlag,
    kafka_properties,
)


def run(
    context: typer.Context,
    pipeline: PipelineFlag = None,
    source: SourceFlag = None,
    input_folder: InputFlag = None,
    brokers: BrokersFlag = None,
    topic: TopicFlag = None,
    group: GroupFlag = None,
    kafka: KafkaFlag = None,
    lake: LakeFlag = None,
    recovery: RecoveryFlag = None,
    bounded: BoundedFlag = None,
    ranges: RangesFlag = None,
    start: StartFlag = None,
    workers: WorkersFlag = None,
    processes: ProcessesFlag = None,
    epoch_ms: EpochMsFlag = None,
    batch_records: BatchRecordsFlag = None,
    max_epoch_bytes: MaxEpochBytesFlag = None,
    events: EventsFlag = None,
    compact_every: CompactEveryFlag = None,
    metrics_port: MetricsPortFlag = None,
    log_format: LogFormatFlag = None,
    log_level: LogLevelFlag = None,
    generator_seed: GeneratorSeedFlag = None,
    generator_rate: GeneratorRateFlag = None,
    generator_partitions: GeneratorPartitionsFlag = None,
    generator_records: GeneratorRecordsFlag = None,
    generator_seconds: GeneratorSecondsFlag = None,
    generator_paced: GeneratorPacedFlag = None,
    process_id: int | None = typer.Option(None, hidden=True),
    addresses: str | None = typer.Option(None, hidden=True),
) -> None:
    """Read events, fold them into windows, commit them into the lake; go on where the last run ended.

    Ends with exit code 0 at the end of --bounded input, or after ^C or SIGTERM once all that was read is committed.
    """
    from cli.supervise import Supervisor, this_command
    from dataflow import logs
    from dataflow.settings import load_settings

    settings = load_settings(
        {
            "pipeline": pipeline,
            "source": source,
            "input": input_folder,
            "brokers": brokers,
            "topic": topic,
            "group": group,
            "kafka": kafka_properties(kafka),
            "lake": lake,
            "recovery": recovery,
            "bounded": bounded,
            "ranges": ranges,
            "start": start,
            "workers": workers,
            "processes": processes,
            "epoch_ms": epoch_ms,
            "batch_records": batch_records,
            "max_epoch_bytes": max_epoch_bytes,
            "events": events,
            "compact_every": compact_every,
            "metrics_port": metrics_port,
            "log_format": log_format,
            "log_level": log_level,
            "generator_seed": generator_seed,
            "generator_rate": generator_rate,
            "generator_partitions": generator_partitions,
            "generator_records": generator_records,
            "generator_seconds": generator_seconds,
            "generator_paced": generator_paced,
        }
    )
    if settings.processes > 1 and process_id is None:
        logs.configure(settings.log_format, settings.log_level)
        code = Supervisor(this_command(sys.argv[1:]), settings.processes).run()
    else:
        code = context.obj(settings, process_id, addresses.split(";") if addresses else None)
    raise typer.Exit(code)
