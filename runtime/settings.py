"""Deployment settings: where a pipeline runs. Flag before TIDEMILL_* variable before tidemill.toml before default."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

from dataflow.durations import to_ms
from dataflow.errors import ConfigError
from dataflow.losses.limit import DeadShare
from runtime.backfill_pace import WHERE, backfill_pace
from runtime.setting import Setting, told

if TYPE_CHECKING:
    from dataflow.sources.kafka.topic_choice import TopicChoice

PREFIX = "TIDEMILL_"
FILE = "tidemill.toml"

LEAST_TOKEN = 16
"""So many characters has a token at least."""

_FAULT = r"^([a-z_.-]+(:[1-9][0-9]*)?(@[0-9]+)?)?$"
_IGNORED = frozenset({"TIDEMILL_DUCKLAKE_PYTHON"})
"""Variables that carry our prefix and are no settings: where the tests find the official DuckLake client."""

_SHIPPED = Path(__file__).resolve().parents[1] / "pipelines" / "ads.py"
"""The first example, for folders without a file of that name."""


def _topics(written: str) -> object:
    # a question to a lake starts quickly without
    if written.replace("-", "").isalnum():
        return None
    from dataflow.sources.kafka.topic_choice import TopicChoice

    return TopicChoice.read(written)


class Settings(NamedTuple):
    """All settings, checked by `load_settings`. Paths are relative to the working folder."""

    pipeline: Annotated[str, told("pipeline file, PATH[:NAME]")] = "pipelines/ads.py"
    source: Annotated[Literal["kafka", "files", "generator"], told("where records come from")] = "kafka"
    input: Annotated[Path | None, told("folder of files to read, for source files")] = None
    brokers: Annotated[str, told("Kafka brokers, host:port, comma between", least=1)] = "127.0.0.1:9092"
    topic: Annotated[
        str, told("Kafka topic to read; several with commas between, ^... = all that match", least=1, check=_topics)
    ] = "ads"
    group: Annotated[str, told("consumer group that shows our offsets to lag tools", least=1)] = "tidemill"
    kafka: Annotated[Mapping[str, str], told("more properties for librdkafka, like security.protocol")] = (
        MappingProxyType({})
    )
    fetch: Annotated[
        Literal["librdkafka", "direct"],
        told("who fetches Kafka's records; direct = Tidemill itself, quicker where much is to be read"),
    ] = "librdkafka"
    lake: Annotated[Path, told("folder of the lake")] = Path("lake")
    recovery: Annotated[Path, told("folder of the recovery store")] = Path("recovery")
    epoch_ms: Annotated[int, told("milliseconds between two commits", least=10, most=600_000)] = 250
    batch_records: Annotated[int, told("most records of one poll", least=1, most=1_000_000)] = 40_000
    bounded: Annotated[bool, told("stop at the end the source had at the start")] = False
    final: Annotated[bool, told("with bounded: nothing ever comes after that end, so every window is final there")] = (
        False
    )
    add_source: Annotated[bool, told("let this source feed a lake that another one has filled")] = False
    accept_gap: Annotated[bool, told("go on behind offsets that Kafka deleted before they were read")] = False
    ranges: Annotated[Path | None, told("JSON file of offset ranges per source partition, to read only those")] = None
    workers: Annotated[int, told("threads per process", least=1, most=1024)] = 1
    processes: Annotated[int, told("processes on this machine", least=1, most=256)] = 1
    events: Annotated[bool, told("keep accepted events in the table `events`")] = True
    emit: Annotated[bool, told("send what the pipeline file says to Kafka and webhooks")] = True
    start: Annotated[Literal["earliest", "latest"], told("where a new lake begins to read")] = "earliest"
    compact_every: Annotated[str, told("time between compactions beside the pipeline; 0s = none", check=to_ms)] = "30s"
    stall_after: Annotated[
        str, told("time without a sign of life while records wait, until a run starts anew; 0s = never", check=to_ms)
    ] = "30s"
    fail_dead: Annotated[
        str | None,
        told(
            "end with exit code 3 when more of the records are dead letters, like 10%; not set = never", check=DeadShare
        ),
    ] = None
    metrics_port: Annotated[int, told("port for /metrics (Prometheus) and /healthz; 0 = off", least=0, most=65_535)] = 0
    metrics_host: Annotated[str, told("address of that port; 0.0.0.0 = all of this machine", least=1)] = "127.0.0.1"
    max_epoch_bytes: Annotated[int, told("most bytes read per source partition and epoch", least=2**16)] = 64 * 2**20
    log_format: Annotated[Literal["auto", "json", "console"], told("auto = console on a terminal, else json")] = "auto"
    progress: Annotated[
        Literal["auto", "log", "json"],
        told("a live line on a terminal, else a log line every 30 s; json = one object a second to standard output"),
    ] = "auto"
    quiet: Annotated[bool, told("say nothing of the progress but the last line")] = False
    log_level: Annotated[Literal["debug", "info", "warning", "error"], told("least severe line to log")] = "info"
    serve_host: Annotated[str, told("address of `tidemill serve`; beyond loopback it needs a token", least=1)] = (
        "127.0.0.1"
    )
    serve_port: Annotated[int, told("port of `tidemill serve`; 0 = any that is free", least=0, most=65_535)] = 8088
    serve_token: Annotated[str | None, told("token that whoever asks must send; not set = none")] = None
    serve_origins: Annotated[str, told("origins of other pages that may ask, comma between")] = ""
    serve_hosts: Annotated[str, told("more host names by which the server may be called, comma between")] = ""
    serve_proxies: Annotated[
        str, told("addresses of proxies whose X-Forwarded-For says who asks, like 10.0.0.0/8, comma between")
    ] = ""
    serve_timeout: Annotated[str, told("longest time of one question to the server", check=to_ms)] = "30s"
    serve_cache: Annotated[str, told("how far back windows of rollups are kept in memory", check=to_ms)] = "48h"
    serve_cache_bytes: Annotated[int, told("most memory of these windows; 0 = none", least=0)] = 512 * 2**20
    serve_sql: Annotated[bool, told("take ad-hoc SQL, in processes of its own")] = True
    serve_sql_timeout: Annotated[str, told("longest time of one ad-hoc SQL", check=to_ms)] = "30s"
    serve_sql_memory_bytes: Annotated[int, told("most memory of one ad-hoc SQL", least=2**26)] = 2**30
    serve_sql_rows: Annotated[int, told("most rows of one ad-hoc SQL's answer", least=1)] = 100_000
    serve_sql_bytes: Annotated[int, told("most bytes of one ad-hoc SQL's answer", least=2**16)] = 64 * 2**20
    serve_sql_children: Annotated[int, told("ad-hoc SQL at a time, a process each", least=1, most=64)] = 2

    generator_seed: Annotated[int, told("source generator: equal seeds make equal streams", least=0)] = 0
    generator_rate: Annotated[float, told("source generator: events per second of stream time", above=0)] = 10_000.0
    generator_partitions: Annotated[int, told("source generator: number of source partitions", least=1, most=1024)] = 4
    generator_records: Annotated[int | None, told("source generator: end after so many records", least=0)] = None
    generator_seconds: Annotated[float | None, told("source generator: end after so much stream time", above=0)] = None
    generator_paced: Annotated[bool, told("source generator: keep to the clock; false = as fast as possible")] = True
    fault: Annotated[
        str,
        told(
            "for tests: kill -9 itself at POINT[:COUNT][@MS later], or stand still with oversleep[:COUNT]",
            pattern=_FAULT,
        ),
    ] = ""

    places: Mapping[str, str] = MappingProxyType({})
    """Where each setting that is not the default came from; Kafka properties one by one."""
    referred: Mapping[str, str] = MappingProxyType({})
    """The variables of the environment that Kafka properties and the token refer to, as far as they are set."""

    def __repr__(self) -> str:
        """The settings but for Kafka's properties and the token, which are or may hold secrets."""
        shown = (key for key in SETTINGS if key not in ("kafka", "serve_token"))
        return f"Settings({', '.join(f'{key}={getattr(self, key)!r}' for key in shown)})"

    def __eq__(self, other: object) -> bool:
        """Whether the settings are equal, wherever each came from."""
        return isinstance(other, Settings) and all(getattr(self, key) == getattr(other, key) for key in SETTINGS)

    def __ne__(self, other: object) -> bool:
        """The contrary; that of a tuple would look at the places as well."""
        return not self == other

    @property
    def topics(self) -> "TopicChoice":
        """The Kafka topics that `topic` names."""
        from dataflow.sources.kafka.topic_choice import TopicChoice

        return TopicChoice.read(self.topic)

    def require_topic(self) -> str:
        """The one Kafka topic, for what knows no more. Raises ConfigError where there may be several."""
        only = self.topics.only
        if only is None:
            raise ConfigError("topic", self.topic, f"name one topic here (from {self.places.get('topic', 'topic')})")
        return only

    def require_kafka(self) -> dict[str, str]:
        """The Kafka properties with what they refer to in its place: for a client alone, since it holds secrets.

        Raises ConfigError where a variable or a file is not there.
        """
        from dataflow.sources.kafka.properties import REGISTRY, resolved

        own = {name: value for name, value in self.kafka.items() if not name.startswith(REGISTRY)}
        return resolved(own, self.referred, self.places)

    def require_registry(self) -> dict[str, str]:
        """The schema registry's properties among Kafka's, as `require_kafka` has the others. Raises ConfigError."""
        from dataflow.sources.kafka.properties import REGISTRY, resolved

        own = {name: value for name, value in self.kafka.items() if name.startswith(REGISTRY)}
        return resolved(own, self.referred, self.places)

    def require_serve_token(self) -> str | None:
        """The token with what it refers to in its place; None if there is none.

        Raises ConfigError where a variable or a file is not there, or where it is too easily found.
        """
        if self.serve_token is None:
            return None
        from dataflow.sources.kafka.properties import resolved

        where = f" (from {self.places.get('serve_token', 'serve_token')})"
        try:
            token = resolved({"serve_token": self.serve_token}, self.referred)["serve_token"]
        except ConfigError as error:
            raise ConfigError("serve_token", error.value, error.fix + where) from None
        if len(token) < LEAST_TOKEN or not (token.isascii() and token.isprintable() and " " not in token):
            fix = f"write at least {LEAST_TOKEN} letters, digits and signs of ASCII without a blank"
            raise ConfigError("serve_token", "****", fix + where)
        return token

    def require_input(self) -> Path:
        """The folder to read for source files. Raises ConfigError if there is none."""
        if self.input is None:
            raise ConfigError("input", None, "source files needs a folder; give --input DIR or TIDEMILL_INPUT")
        return self.input

    def require_end_of_final(self) -> None:
        """Raises ConfigError for `final` without `bounded`: a run without an end has none after which nothing comes."""
        if self.final and not self.bounded:
            where = self.places.get("final", "final")
            fix = "only bounded input has an end after which nothing comes; add --bounded (TIDEMILL_BOUNDED=true)"
            raise ConfigError("final", True, f"{fix}, or leave --final out (from {where})")


SETTINGS: Mapping[str, Setting] = {
    key: Setting.of(annotation, Settings._field_defaults[key])
    for key, annotation in Settings.__annotations__.items()
    if hasattr(annotation, "__metadata__")
}
"""What is known of each setting, in the order in which they are shown."""


def load_settings(
    flags: Mapping[str, Any] | None = None, environ: Mapping[str, str] | None = None, folder: Path | None = None
) -> Settings:
    """Settings from flags (None = not given), environment (default: this process's), `folder`/tidemill.toml, defaults.

    Kafka properties merge one by one. Without a source, an input means files, unless Kafka is named as near. Where
    `folder` (default: the working folder) lacks the default pipeline file, the one that Tidemill ships is taken. A
    bounded run over files has longer epochs, unless they are set. Raises ConfigError naming key, value and fix.
    """
    surroundings = os.environ if environ is None else environ
    layers: list[tuple[Callable[[str], str], dict[str, Any]]] = [
        (lambda _: FILE, _from_file((folder or Path()) / FILE)),
        (_variable, _from_environment(surroundings)),
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
    if "source" not in values and _names_files([layer for _, layer in layers]):
        values["source"], places["source"] = "files", f"input is given ({places['input']})"
    referred = _checked(values["kafka"], places, surroundings) if "kafka" in values else {}
    if "serve_token" in values:
        referred |= _referred(values["serve_token"], surroundings)
    if "pipeline" not in values and (found := default_pipeline(folder or Path())) != SETTINGS["pipeline"].default:
        values["pipeline"], places["pipeline"] = found, "shipped with Tidemill"
    read = {key: _read(key, value, places) for key, value in values.items()}
    follows = backfill_pace(read)
    places |= dict.fromkeys(follows, WHERE)
    return Settings(**read, **follows, places=places, referred=referred)


def _names_files(layers: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a folder is named, and that nearer than anything of Kafka: it is meant to be read."""
    named = [["input" in layer, "topic" in layer or "brokers" in layer] for layer in reversed(layers)]
    return next((files and not kafka for files, kafka in named if files or kafka), False)


def default_pipeline(folder: Path) -> str:
    """The pipeline file that counts where no setting names one: the default in `folder`, else the shipped one."""
    default: str = SETTINGS["pipeline"].default
    return default if (folder / default).exists() else str(_SHIPPED)


def as_text(value: Any) -> str:
    """A value as the environment would have it."""
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
            # several properties at once, a password among them perhaps
            fix = f"write one variable per property, like {PREFIX}KAFKA__SECURITY_PROTOCOL=SSL"
            raise ConfigError(variable, _hidden(value, value), fix)
        found[key] = value
    return found


def _from_file(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(FILE, str(path), f"cannot be read: {error}") from None
    if all(not line or (line.startswith("#") and line.isprintable()) for line in text.split("\n")):
        # the file that comes with Tidemill: a question starts quickly without the parser
        return {}
    import tomllib

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
        fix = 'write a table of properties, like [kafka] and "security.protocol" = "SSL"'
        raise ConfigError(key, _hidden(str(properties), properties), fix)
    flat: dict[str, str] = {}
    for name, value in properties.items():
        if isinstance(value, Mapping):
            flat |= {f"{name}.{rest}": text for rest, text in _flat(value, f"{key}.{name}").items()}
        elif isinstance(value, str | int | float):
            flat[name] = as_text(value)
        else:
            raise ConfigError(f"{key}.{name}", _hidden(name, value), "a property is text, a number or true or false")
    return flat


def _known(key: str, value: Any, written: str) -> None:
    if key in SETTINGS:
        return
    # Only a mistake needs the parser that comes with it: commands start quickly without.
    from dataflow.spelling import suggest

    names = list(SETTINGS)
    hint = suggest(key, names)
    if written.startswith(PREFIX):
        hint = suggest(written, [PREFIX + name.upper() for name in names])
    safe = _hidden(f"{written.lower()} {value}", value)
    if safe != value:
        hint = f"{hint}; properties of Kafka's client go into [kafka], or into {PREFIX}KAFKA__..."
    raise ConfigError(written, safe, f"no such setting{hint}")


def _checked(properties: Mapping[str, str], places: Mapping[str, str], environ: Mapping[str, str]) -> dict[str, str]:
    """The variables that Kafka properties refer to, as far as they are set. Raises ConfigError for one of our own."""
    # questions to a lake start quickly without what sources are made of
    from dataflow.sources.kafka.properties import check_owned, variables

    for name, value in properties.items():
        check_owned(name, value, places[f"kafka.{name}"])
    return {name: environ[name] for name in variables(properties) if name in environ}


def _referred(written: Any, environ: Mapping[str, str]) -> dict[str, str]:
    """The variables that a text refers to, as far as they are set."""
    from dataflow.sources.kafka.properties import variables

    return {name: environ[name] for name in variables({"": str(written)}) if name in environ}


def _hidden(text: str, value: Any) -> Any:
    """`value` for a message: **** where `text` says that it may hold a secret."""
    from dataflow.sources.kafka.properties import is_secret

    return "****" if is_secret(text) else value


def _read(key: str, value: Any, places: Mapping[str, str]) -> Any:
    try:
        return SETTINGS[key].read(value)
    except ValueError as error:
        fix = f"{error} (from {places.get(key, key)}); this is: {SETTINGS[key].description}"
        raise ConfigError(key, _hidden(key, value), fix) from None
