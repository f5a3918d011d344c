"""Deployment settings: where a pipeline runs. Flag before TIDEMILL_* variable before tidemill.toml before default."""

import os
import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError, field_validator

from dataflow.durations import to_ms
from dataflow.errors import ConfigError

PREFIX = "TIDEMILL_"
FILE = "tidemill.toml"

_OURS = {
    "bootstrap.servers": "set `brokers` instead",
    "metadata.broker.list": "set `brokers` instead",
    "group.id": "set `group` instead",
    "auto.offset.reset": "set `start` instead",
    "enable.auto.commit": "Tidemill keeps offsets with the data; leave it out",
    "enable.auto.offset.store": "Tidemill keeps offsets with the data; leave it out",
    "enable.partition.eof": "Tidemill needs it on; leave it out",
    "isolation.level": "Tidemill reads committed records only; leave it out",
}
_FAULT = r"^([a-z_.-]+(:[1-9][0-9]*)?(@[0-9]+)?)?$"
_IGNORED = frozenset({"TIDEMILL_DUCKLAKE_PYTHON"})
"""Variables that carry our prefix and are no settings: where the tests find the official DuckLake client."""

_SECRET = re.compile(r"password|secret|token|jaas|key\.pem|oauthbearer\.config")


class Settings(BaseModel):
    """All settings, checked. Paths are relative to the working folder."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    pipeline: str = Field(default="pipelines/ads.py", description="pipeline file, PATH[:NAME]")
    source: Literal["kafka", "files", "generator"] = Field(default="kafka", description="where records come from")
    input: Path | None = Field(default=None, description="folder of *.ndjson or *.parquet files, for source files")
    brokers: str = Field(default="127.0.0.1:9092", min_length=1, description="Kafka brokers, host:port, comma between")
    topic: str = Field(default="ads", min_length=1, description="Kafka topic to read")
    group: str = Field(
        default="tidemill", min_length=1, description="consumer group that shows our offsets to lag tools"
    )
    kafka: dict[str, str] = Field(
        default_factory=dict,
        repr=False,  # it may hold secrets
        description="more properties for librdkafka, like security.protocol",
    )
    lake: Path = Field(default=Path("lake"), description="folder of the lake")
    recovery: Path = Field(default=Path("recovery"), description="folder of the recovery store")
    epoch_ms: int = Field(default=250, ge=10, le=600_000, description="milliseconds between two commits")
    batch_records: int = Field(default=20_000, ge=1, le=1_000_000, description="most records of one poll")
    bounded: bool = Field(default=False, description="stop at the end the source had at the start")
    ranges: Path | None = Field(
        default=None, description="JSON file of offset ranges per source partition, to read only those"
    )
    workers: int = Field(default=1, ge=1, le=1024, description="threads per process")
    processes: int = Field(default=1, ge=1, le=256, description="processes on this machine")
    events: bool = Field(default=True, description="keep accepted events in the table `events`")
    start: Literal["earliest", "latest"] = Field(default="earliest", description="where a new lake begins to read")
    compact_every: str = Field(default="30s", description="time between compactions beside the pipeline; 0s = none")
    stall_after: str = Field(
        default="30s", description="time without a sign of life while records wait, until a run starts anew; 0s = never"
    )
    metrics_port: int = Field(default=0, ge=0, le=65_535, description="port for Prometheus on 127.0.0.1; 0 = off")
    max_epoch_bytes: int = Field(
        default=64 * 2**20, ge=2**16, description="most bytes read per source partition and epoch"
    )
    log_format: Literal["auto", "json", "console"] = Field(
        default="auto", description="auto = console on a terminal, else json"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="least severe line to log"
    )

    generator_seed: int = Field(default=0, ge=0, description="source generator: equal seeds make equal streams")
    generator_rate: float = Field(
        default=10_000.0, gt=0, description="source generator: events per second of stream time"
    )
    generator_partitions: int = Field(
        default=4, ge=1, le=1024, description="source generator: number of source partitions"
    )
    generator_records: int | None = Field(default=None, ge=0, description="source generator: end after so many records")
    generator_seconds: float | None = Field(
        default=None, gt=0, description="source generator: end after so much stream time"
    )
    generator_paced: bool = Field(
        default=True, description="source generator: keep to the clock; false = as fast as possible"
    )
    fault: str = Field(
        default="",
        pattern=_FAULT,
        description="for tests: kill -9 itself at POINT[:COUNT][@MS later], or stand still with oversleep[:COUNT]",
    )

    @field_validator("compact_every", "stall_after")
    @classmethod
    def _is_duration(cls, written: str) -> str:
        to_ms(written)
        return written

    _origins: dict[str, str] = PrivateAttr(default_factory=dict)

    def require_input(self) -> Path:
        """The folder to read for source files. Raises ConfigError if there is none."""
        if self.input is None:
            raise ConfigError("input", None, "source files needs a folder; give --input DIR or TIDEMILL_INPUT")
        return self.input


def load_settings(
    flags: Mapping[str, Any] | None = None, environ: Mapping[str, str] | None = None, folder: Path | None = None
) -> Settings:
    """Settings from flags (None = not given), environment (default: this process's), `folder`/tidemill.toml, defaults.

    Kafka properties merge one by one. Raises ConfigError naming key, value and fix.
    """
    layers: list[tuple[Callable[[str], str], dict[str, Any]]] = [
        (lambda _: FILE, _from_file((folder or Path()) / FILE)),
        (_variable, _from_environment(os.environ if environ is None else environ)),
        (lambda key: "--" + key.partition(".")[0].replace("_", "-"), _from_flags(flags or {})),
    ]
    values: dict[str, Any] = {}
    places: dict[str, str] = {}
    for place_of, layer in layers:
        for key, value in layer.items():
            if key == "kafka":
                values[key] = values.get(key, {}) | value
                places |= {f"kafka.{name}": place_of(f"kafka.{name}") for name in value}
            else:
                values[key], places[key] = value, place_of(key)
    _check_kafka(values.get("kafka", {}), places)
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        key = str(first["loc"][0])
        raise ConfigError(key, first["input"], _fix(key, first["msg"], places.get(key, ""))) from None
    settings._origins.update(places)
    return settings


def origins(settings: Settings) -> list[tuple[str, str, str]]:
    """(key, value as text, origin) of every setting, Kafka properties one by one, secrets as ****."""
    rows = []
    for key in Settings.model_fields:
        value = getattr(settings, key)
        if key == "kafka" and value:
            rows += [
                (f"kafka.{name}", shown(name, text), _origin(settings, f"kafka.{name}")) for name, text in value.items()
            ]
        else:
            rows.append((key, _text(value), _origin(settings, key)))
    return rows


def shown(name: str, value: str) -> str:
    """A Kafka property's value for people: **** if the name tells a secret."""
    return "****" if _SECRET.search(name) else value


def _origin(settings: Settings, key: str) -> str:
    return settings._origins.get(key, "default")


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None or value == {} else str(value)


def _variable(key: str) -> str:
    name, _, property_name = key.partition(".")
    return PREFIX + name.upper() + ("__" + property_name.replace(".", "_").upper() if property_name else "")


def _from_flags(flags: Mapping[str, Any]) -> dict[str, Any]:
    given = {key.replace("-", "_"): value for key, value in flags.items() if value is not None}
    for key, value in given.items():
        _known(key, value, key)
    if "kafka" in given:
        given["kafka"] = _flat(given["kafka"], "kafka")
    return given


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for variable in sorted(environ):
        value = environ[variable]
        if not variable.startswith(PREFIX) or variable in _IGNORED or value == "":
            continue
        key, nested, property_name = variable.removeprefix(PREFIX).lower().partition("__")
        if nested and key == "kafka" and property_name:
            found.setdefault("kafka", {})[property_name.replace("_", ".")] = value
            continue
        _known(key + nested + property_name, value, variable)
        if key == "kafka":
            raise ConfigError(
                variable, value, f"write one variable per property, like {PREFIX}KAFKA__SECURITY_PROTOCOL=SSL"
            )
        found[key] = value
    return found


def _from_file(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(FILE, str(path), f"cannot be read: {error}") from None
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(FILE, str(path), f"not valid TOML: {error}") from None
    for key, value in found.items():
        _known(key, value, key)
    if "kafka" in found:
        found["kafka"] = _flat(found["kafka"], "kafka")
    return found


def _flat(properties: Any, key: str) -> dict[str, str]:
    """Properties by their dotted names; TOML reads security.protocol = "SSL" as tables in a table."""
    if not isinstance(properties, Mapping):
        raise ConfigError(key, properties, 'write a table of properties, like [kafka] and "security.protocol" = "SSL"')
    flat: dict[str, str] = {}
    for name, value in properties.items():
        if isinstance(value, Mapping):
            flat |= {f"{name}.{rest}": text for rest, text in _flat(value, f"{key}.{name}").items()}
        elif isinstance(value, str | int | float):
            flat[name] = _text(value)
        else:
            raise ConfigError(f"{key}.{name}", value, "a property is text, a number or true or false")
    return flat


def _known(key: str, value: Any, written: str) -> None:
    if key in Settings.model_fields:
        return
    # Only a mistake needs the parser that comes with it: commands start quickly without.
    from dataflow.spelling import suggest

    names = list(Settings.model_fields)
    hint = suggest(key, names)
    if written.startswith(PREFIX):
        hint = suggest(written, [PREFIX + name.upper() for name in names])
    raise ConfigError(written, value, f"no such setting{hint}")


def _check_kafka(properties: Mapping[str, str], places: Mapping[str, str]) -> None:
    for name, value in properties.items():
        if name in _OURS:
            raise ConfigError(f"kafka.{name}", shown(name, value), f"{_OURS[name]} (from {places[f'kafka.{name}']})")


def _fix(key: str, message: str, place: str) -> str:
    description = Settings.model_fields[key].description
    source = f" (from {place})" if place else ""
    return f"{message[:1].lower()}{message[1:]}{source}; this is: {description}"
