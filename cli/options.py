"""Flags that commands share, one per setting; not given = None, so that environment, file or default decide."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from dataflow.errors import ConfigError
from dataflow.settings import Settings


def flag(key: str, *names: str, metavar: str | None = None) -> Any:
    """The flag of setting `key`, with the setting's description and default as help."""
    setting = Settings.model_fields[key]
    default = setting.get_default(call_default_factory=True)
    if isinstance(default, bool):
        default = "on" if default else "off"
    shown = "" if default in (None, "", {}) else f" (default {default})"
    help_text = f"{setting.description}{shown}"
    return typer.Option(
        *(names or (f"--{key.replace('_', '-')}",)), help=help_text, metavar=metavar, show_default=False
    )


PipelineFlag = Annotated[str | None, flag("pipeline", metavar="PATH[:NAME]")]
SourceFlag = Annotated[str | None, flag("source", metavar="kafka|files|generator")]
InputFlag = Annotated[Path | None, flag("input", metavar="DIR")]
BrokersFlag = Annotated[str | None, flag("brokers", metavar="HOST:PORT,...")]
TopicFlag = Annotated[str | None, flag("topic")]
GroupFlag = Annotated[str | None, flag("group")]
KafkaFlag = Annotated[list[str] | None, flag("kafka", metavar="NAME=VALUE")]
LakeFlag = Annotated[Path | None, flag("lake", metavar="DIR")]
RecoveryFlag = Annotated[Path | None, flag("recovery", metavar="DIR")]
EpochMsFlag = Annotated[int | None, flag("epoch_ms")]
BatchRecordsFlag = Annotated[int | None, flag("batch_records")]
BoundedFlag = Annotated[bool | None, flag("bounded", "--bounded/--unbounded")]
RangesFlag = Annotated[Path | None, flag("ranges", metavar="FILE")]
WorkersFlag = Annotated[int | None, flag("workers", "--workers", "-w")]
ProcessesFlag = Annotated[int | None, flag("processes", "--processes", "-p")]
EventsFlag = Annotated[bool | None, flag("events", "--events/--no-events")]
StartFlag = Annotated[str | None, flag("start", metavar="earliest|latest")]
CompactEveryFlag = Annotated[str | None, flag("compact_every", metavar="TIME")]
MetricsPortFlag = Annotated[int | None, flag("metrics_port")]
MaxEpochBytesFlag = Annotated[int | None, flag("max_epoch_bytes")]
LogFormatFlag = Annotated[str | None, flag("log_format", metavar="auto|json|console")]
LogLevelFlag = Annotated[str | None, flag("log_level", metavar="debug|info|warning|error")]
GeneratorSeedFlag = Annotated[int | None, flag("generator_seed")]
GeneratorRateFlag = Annotated[float | None, flag("generator_rate")]
GeneratorPartitionsFlag = Annotated[int | None, flag("generator_partitions")]
GeneratorRecordsFlag = Annotated[int | None, flag("generator_records")]
GeneratorSecondsFlag = Annotated[float | None, flag("generator_seconds")]
GeneratorPacedFlag = Annotated[bool | None, flag("generator_paced", "--generator-paced/--generator-unpaced")]


def kafka_properties(pairs: Sequence[str] | None) -> dict[str, str] | None:
    """The properties of repeated --kafka NAME=VALUE; None if there are none. Raises ConfigError."""
    if not pairs:
        return None
    properties = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise ConfigError("--kafka", name, "write NAME=VALUE, like --kafka security.protocol=SSL")
        properties[name] = value
    return properties
