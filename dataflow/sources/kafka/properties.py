"""Properties of Kafka's client as a user writes them: which are Tidemill's own, which secret, what they refer to."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from dataflow.errors import ConfigError

OWNED: Mapping[str, str] = {
    "bootstrap.servers": "set `brokers` instead",
    "metadata.broker.list": "set `brokers` instead",
    "group.id": "set `group` instead",
    "auto.offset.reset": "a lost offset must stop the run, not skip records; set `start` for where a new lake begins",
    "enable.auto.commit": "Tidemill keeps offsets with the data; leave it out",
    "auto.commit.enable": "Tidemill keeps offsets with the data; leave it out",
    "enable.auto.offset.store": "Tidemill keeps offsets with the data; leave it out",
    "enable.partition.eof": "Tidemill finds the end of a partition by it; leave it out",
    "isolation.level": "Tidemill reads committed records only; leave it out",
    "enable.idempotence": "`tidemill produce` writes each record once; leave it out",
    "transactional.id": "`tidemill produce --transactional` gives its own; leave it out",
    "delivery.report.only.error": "`tidemill produce` counts by it; leave it out",
}
"""What the guarantees stand on, with what to do instead."""

REGISTRY = "schema.registry."
"""So begin the properties of a schema registry, which stand among Kafka's; Kafka's client gets none of them."""

_CODE = re.compile(r"(.*_cb|on_commit|on_delivery|logger|(key|value)\.(de)?serializer|default\.topic\.config)")
# mistyped ones as well: pasword, passwd, pwd
_SECRET = re.compile(r"pass?w|pass|pwd|secret|jaas|key[._]pem|oauthbearer\.config|user\.info|_?token$")
_REFERENCE = re.compile(r"\$(\$?)\{([^}]*)\}")
_VARIABLE = re.compile(r"[A-Za-z_]\w*")
_FILE = "file:"

HOW_TO_REFER = "${NAME} for a variable of the environment or ${file:PATH} for the text of a file"


def is_secret(name: str) -> bool:
    """Whether the value of property `name` must be seen by nobody."""
    return _SECRET.search(name) is not None


def shown(name: str, value: str) -> str:
    """A property's value for people: **** in the place of a secret, but a reference to one as it is written."""
    return "****" if value and is_secret(name) and not is_reference(value) else value


def is_reference(value: str) -> bool:
    """Whether `value` says only where the text is to be found."""
    found = _REFERENCE.fullmatch(value)
    return found is not None and not found[1]


def check_owned(name: str, value: str, where: str = "") -> None:
    """Raise ConfigError for a property that Tidemill sets itself, or one that takes a function. `where`: in words."""
    fix = OWNED.get(name)
    if fix is None and _CODE.fullmatch(name):
        fix = "it takes a function of a program, which settings cannot hold; leave it out"
    if fix is not None:
        raise ConfigError(f"kafka.{name}", shown(name, value), fix + (f" (from {where})" if where else ""))


def variables(properties: Mapping[str, str]) -> set[str]:
    """The variables of the environment that the values refer to."""
    named = {match[2] for value in properties.values() for match in _REFERENCE.finditer(value) if not match[1]}
    return {name for name in named if _VARIABLE.fullmatch(name)}


def resolved(
    properties: Mapping[str, str], environ: Mapping[str, str], places: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The properties with every ${NAME} and ${file:PATH} replaced; $${ is a plain ${. The last line end of a file goes.

    Raises ConfigError, which names key, reference and fix and shows no secret. `places`: where each came from.
    """
    found = {}
    for name, value in properties.items():
        where = (places or {}).get(f"kafka.{name}", "")
        found[name] = _REFERENCE.sub(_replacing(name, environ, f" (from {where})" if where else ""), value)
    return found


def _replacing(name: str, environ: Mapping[str, str], where: str) -> Callable[[re.Match[str]], str]:
    def replace(match: re.Match[str]) -> str:
        escaped, inner = match[1], match[2]
        if escaped:
            return match[0][1:]
        if inner.startswith(_FILE):
            return _text_of(name, inner.removeprefix(_FILE), where)
        if not _VARIABLE.fullmatch(inner):
            raise ConfigError(f"kafka.{name}", match[0], f"write {HOW_TO_REFER}, $${{ for a plain ${{{where}")
        if inner not in environ:
            fix = f"the environment has no variable {inner}: set it where the command runs, or write {HOW_TO_REFER}"
            raise ConfigError(f"kafka.{name}", match[0], fix + where)
        return environ[inner]

    return replace


def _text_of(name: str, path: str, where: str) -> str:
    try:
        return Path(path).read_text("utf-8").removesuffix("\n").removesuffix("\r")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        fix = f"the file {path} cannot be read: {why}; correct the path, or let this user read it"
        raise ConfigError(f"kafka.{name}", f"${{{_FILE}{path}}}", fix + where) from None


def without_secrets(text: str, properties: Mapping[str, object]) -> str:
    """`text` with **** in the place of every secret among the values of `properties`."""
    for name, value in properties.items():
        if is_secret(name) and len(str(value)) > 2:
            text = text.replace(str(value), "****")
    return text
