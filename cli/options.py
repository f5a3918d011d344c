"""Flags that commands share, one per setting; not given = None, so that environment, file or default decide."""

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

from cli.flags import Declared, option, parameters
from dataflow.errors import ConfigError
from runtime.settings import SETTINGS, Settings, load_settings

_NAMES: dict[str, str] = {}


def flag(key: str, *names: str, metavar: str | None = None) -> Any:
    """The flag of setting `key`, with the setting's description and default as help."""
    _NAMES[key] = names[0] if names else f"--{key.replace('_', '-')}"
    setting = SETTINGS[key]
    default = setting.default
    if isinstance(default, bool):
        default = "on" if default else "off"
    shown = "" if default in (None, "", {}) else f" (default {default})"
    help_text = f"{setting.description}{shown}"
    return option(_NAMES[key], *names[1:], help=help_text, metavar=metavar, show_default=False)


PipelineFlag = Annotated[str | None, flag("pipeline", metavar="PATH[:NAME]")]
BrokersFlag = Annotated[str | None, flag("brokers", metavar="HOST:PORT,...")]
TopicFlag = Annotated[str | None, flag("topic")]
KafkaFlag = Annotated[list[str] | None, flag("kafka", metavar="NAME=VALUE")]
LakeFlag = Annotated[Path | None, flag("lake", metavar="DIR")]
RecoveryFlag = Annotated[Path | None, flag("recovery", metavar="DIR")]

FLAGS: Mapping[str, Any] = {
    "pipeline": PipelineFlag,
    "source": Annotated[str | None, flag("source", metavar="kafka|files|generator")],
    "input": Annotated[Path | None, flag("input", metavar="DIR")],
    "brokers": BrokersFlag,
    "topic": TopicFlag,
    "group": Annotated[str | None, flag("group")],
    "kafka": KafkaFlag,
    "fetch": Annotated[str | None, flag("fetch", metavar="librdkafka|direct")],
    "lake": LakeFlag,
    "recovery": RecoveryFlag,
    "bounded": Annotated[bool | None, flag("bounded", "--bounded/--unbounded")],
    "final": Annotated[bool | None, flag("final", "--final/--not-final")],
    "emit": Annotated[bool | None, flag("emit", "--emit/--no-emit")],
    "add_source": Annotated[bool | None, flag("add_source", "--add-source/--no-add-source")],
    "accept_gap": Annotated[bool | None, flag("accept_gap", "--accept-gap/--no-accept-gap")],
    "ranges": Annotated[Path | None, flag("ranges", metavar="FILE")],
    "start": Annotated[str | None, flag("start", metavar="earliest|latest")],
    "workers": Annotated[int | None, flag("workers", "--workers", "-w")],
    "processes": Annotated[int | None, flag("processes", "--processes", "-p")],
    "epoch_ms": Annotated[int | None, flag("epoch_ms")],
    "batch_records": Annotated[int | None, flag("batch_records")],
    "max_epoch_bytes": Annotated[int | None, flag("max_epoch_bytes")],
    "events": Annotated[bool | None, flag("events", "--events/--no-events")],
    "compact_every": Annotated[str | None, flag("compact_every", metavar="TIME")],
    "stall_after": Annotated[str | None, flag("stall_after", metavar="TIME")],
    "fail_dead": Annotated[str | None, flag("fail_dead", metavar="PERCENT")],
    "metrics_port": Annotated[int | None, flag("metrics_port")],
    "metrics_host": Annotated[str | None, flag("metrics_host", metavar="ADDRESS")],
    "progress": Annotated[str | None, flag("progress", metavar="auto|log|json")],
    "quiet": Annotated[bool | None, flag("quiet", "--quiet/--no-quiet")],
    "log_format": Annotated[str | None, flag("log_format", metavar="auto|json|console")],
    "log_level": Annotated[str | None, flag("log_level", metavar="debug|info|warning|error")],
    "generator_seed": Annotated[int | None, flag("generator_seed")],
    "generator_rate": Annotated[float | None, flag("generator_rate")],
    "generator_partitions": Annotated[int | None, flag("generator_partitions")],
    "generator_records": Annotated[int | None, flag("generator_records")],
    "generator_seconds": Annotated[float | None, flag("generator_seconds")],
    "generator_paced": Annotated[bool | None, flag("generator_paced", "--generator-paced/--generator-unpaced")],
}
"""The flag of every setting that has one, in the order in which help lists them."""

SERVE: Mapping[str, Any] = {
    "serve_host": Annotated[str | None, flag("serve_host", metavar="ADDRESS")],
    "serve_port": Annotated[int | None, flag("serve_port")],
    "serve_token": Annotated[str | None, flag("serve_token", metavar="REFERENCE")],
    "serve_origins": Annotated[str | None, flag("serve_origins", metavar="ORIGIN,...")],
    "serve_hosts": Annotated[str | None, flag("serve_hosts", metavar="NAME,...")],
    "serve_proxies": Annotated[str | None, flag("serve_proxies", metavar="ADDRESS,...")],
    "serve_timeout": Annotated[str | None, flag("serve_timeout", metavar="TIME")],
    "serve_cache": Annotated[str | None, flag("serve_cache", metavar="TIME")],
    "serve_cache_bytes": Annotated[int | None, flag("serve_cache_bytes")],
    "serve_sql": Annotated[bool | None, flag("serve_sql", "--serve-sql/--no-serve-sql")],
    "serve_sql_timeout": Annotated[str | None, flag("serve_sql_timeout", metavar="TIME")],
    "serve_sql_memory_bytes": Annotated[int | None, flag("serve_sql_memory_bytes")],
    "serve_sql_rows": Annotated[int | None, flag("serve_sql_rows")],
    "serve_sql_bytes": Annotated[int | None, flag("serve_sql_bytes")],
    "serve_sql_children": Annotated[int | None, flag("serve_sql_children")],
}
"""The flags of the server's settings, which no run has."""

SOURCE = ("pipeline", "source", "input", "brokers", "topic", "kafka")
"""What says where records come from and what they are."""

GENERATOR = ("generator_seed", "generator_rate", "generator_partitions")
"""What decides which records the generator makes."""

Given = dict[str, Any]
"""Settings given as flags, by key; None where one was not given."""


def takes(*keys: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Decorate a command `f(given, ...)`: it gains the flags of these settings, behind its own.

    What was given for them comes as its first argument, ready for `load_settings`.
    """
    all_flags = {**FLAGS, **SERVE}
    flags = {key: Declared(annotation, None, required=False) for key, annotation in all_flags.items() if key in keys}
    assert len(flags) == len(keys)

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        own = dict(list(parameters(command).items())[1:])

        @wraps(command)
        def wrapped(**arguments: Any) -> None:
            given: Given = {key: arguments.pop(key) for key in keys}
            if "kafka" in given:
                given["kafka"] = kafka_properties(given["kafka"])
            command(given, **arguments)

        wrapped.declared = own | flags  # type: ignore[attr-defined]  # what cli.flags.parameters looks for
        return wrapped

    return decorate


def words(given: Given) -> list[str]:
    """The flags again, as they were given, for another command."""
    found: list[str] = []
    for key, value in given.items():
        name, _, opposite = _NAMES[key].partition("/")
        if isinstance(value, bool):
            found.append(name if value else opposite)
        elif isinstance(value, dict):
            found += [word for each, property_ in value.items() for word in (name, f"{each}={property_}")]
        elif value is not None:
            found += [name, str(value)]
    return found


def kafka_properties(pairs: Sequence[str] | None) -> dict[str, str] | None:
    """The properties of repeated --kafka NAME=VALUE; None if there are none. Raises ConfigError.

    A secret is refused: whoever lists the processes of the machine reads their flags.
    """
    if not pairs:
        return None
    from dataflow.sources.kafka.properties import HOW_TO_REFER, is_reference, is_secret, shown

    properties = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise ConfigError("--kafka", name, "write NAME=VALUE, like --kafka security.protocol=SSL")
        if is_secret(name) and not is_reference(value):
            fix = f"everybody on this machine can read a command's flags; write {HOW_TO_REFER}"
            raise ConfigError(f"--kafka {name}", shown(name, value), f"{fix}, or give it in tidemill.toml")
        properties[name] = value
    return properties


def settings_with_logs(given: Mapping[str, Any]) -> Settings:
    """The settings of a command that asks a source; from now on logs go where they say, never into its answer."""
    from dataflow import logs

    settings = load_settings(given)
    logs.configure(settings.log_format, settings.log_level)
    return settings
