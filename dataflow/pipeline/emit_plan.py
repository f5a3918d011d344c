"""What leaves the lake, checked: which rollup's rows or which rules' alerts go where."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from dataflow.own_columns import WINDOW
from dataflow.pipeline import checks as check
from dataflow.pipeline.checks import Mistakes
from dataflow.pipeline.emit_format import REGISTERED, check_columns, check_format_name, check_subjects
from dataflow.pipeline.emit_schema import ALERT_VALUES, CORRECTION, row_values
from dataflow.pipeline.targets import EVERY_COMMIT, FINAL, STARTS, WHEN, Kafka, Webhook
from dataflow.spelling import suggest
from dataflow.windows import Window

if TYPE_CHECKING:
    from dataflow.pipeline.declaration import Pipeline
    from dataflow.pipeline.plan import RollupPlan

_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}")
_VARIABLE = re.compile(r"[A-Za-z_]\w*")
_REFERENCE = re.compile(r"\$\{[^}]*\}")
_URL = re.compile(r"https?://[^\s/?#@]+(?::\d+)?(?:[/?#]\S*)?", re.IGNORECASE)

EARLY = "-early"
"""What a topic of early alerts is called behind the name of the committed ones', where it has no name of its own."""

_WINDOW = tuple(column.name for column in WINDOW)


@dataclass(frozen=True, slots=True)
class Early:
    """The topic that raised alerts go to before their commit, of which rules, and which of them have to wait."""

    topic: str
    rules: tuple[str, ...]
    waiting: tuple[str, ...]

    @property
    def what(self) -> str:
        """What goes there, in words."""
        told = f"raised alerts of {', '.join(self.rules)}, before their commit"
        return f"{told}; not early: {', '.join(self.waiting)}" if self.waiting else told


@dataclass(frozen=True, slots=True)
class EmitPlan:
    """One way out, checked. `rollup`: whose rows go out; None where it is alerts, of `rules` or (None) of all.

    `name` is unique in the pipeline and stays: where it goes on is remembered by it. `when` and `key` are those of a
    rollup's rows.
    """

    name: str
    target: Kafka | Webhook
    rollup: "RollupPlan | None" = None
    when: str = FINAL
    key: tuple[str, ...] = ()
    rules: tuple[str, ...] | None = None
    timeout_ms: int = 0
    early: Early | None = None

    @property
    def where(self) -> str:
        """The target in words, without anything that may be secret."""
        if isinstance(self.target, Kafka):
            form = f" as {REGISTERED[self.target.format.name]}" if self.is_registered else ""
            return f"Kafka topic {self.target.topic}{form}"
        return f"webhook {self.target.name}"

    @property
    def is_registered(self) -> bool:
        """Whether values are by a schema in a registry."""
        return isinstance(self.target, Kafka) and self.target.format.name in REGISTERED

    @property
    def values(self) -> pa.Schema:
        """The columns of what goes out, in their order."""
        return ALERT_VALUES if self.rollup is None else row_values(self.rollup, self.when)

    @property
    def field(self) -> str:
        """Where in the pipeline file it stands."""
        return "alerts_to" if self.rollup is None else f"rollups.{self.rollup.name}.emit"

    @property
    def what(self) -> str:
        """What goes out, in words."""
        if self.rollup is not None:
            told = "each row when its window is final" if self.when == FINAL else "each row anew with every commit"
            return f"{self.rollup.name}, {told}"
        return "alerts" if self.rules is None else f"alerts of {', '.join(self.rules)}"


def check_emits(
    mistakes: Mistakes, pipeline: "Pipeline", rollups: Sequence["RollupPlan"], early_rules: Sequence[str] = ()
) -> tuple[EmitPlan, ...]:
    """All ways out of a pipeline with these rollups, but for those of which something is wrong.

    `early_rules`: the rules whose alerts can be told before their commit.
    """
    found: list[EmitPlan | None] = []
    by_name = {rollup.name: rollup for rollup in rollups}
    for declared in pipeline.rollups if isinstance(pipeline.rollups, list | tuple) else ():
        field = f"rollups.{getattr(declared, 'name', '?')}.emit"
        for target in _targets(mistakes, field, getattr(declared, "emit", None), "kafka(topic, when=...)"):
            plan = by_name.get(str(declared.name))
            if isinstance(target, Webhook):
                mistakes.add(field, "webhook(...)", "webhooks take alerts; write kafka(topic, when=...) here")
            elif plan is not None:
                found.append(_of_rollup(mistakes, field, target, plan))
    rules = [str(getattr(rule, "name", "")) for rule in pipeline.alerts] if _is_list(pipeline.alerts) else []
    targets = _targets(mistakes, "alerts_to", pipeline.alerts_to, "kafka(topic) or webhook(url, secret=...)")
    if targets and not rules:
        mistakes.add("alerts_to", f"{len(targets)} targets", "the pipeline has no alert rule; declare alerts=[...] too")
    for at, target in enumerate(targets):
        found.append(_of_alerts(mistakes, f"alerts_to[{at}]", target, rules, early_rules))
    known = [plan for plan in found if plan is not None]
    for at, each in enumerate(known):
        if each.name in [other.name for other in known[:at]]:
            fix = "give each webhook a name" if isinstance(each.target, Webhook) else "leave one out"
            mistakes.add(each.field, each.name, f"two targets of one name; {fix}")
    check_subjects(mistakes, known)
    taken = {each.target.topic for each in known if isinstance(each.target, Kafka)}
    for each in known:
        if each.early is not None and each.early.topic in taken:
            fix = "what is early needs a topic of its own, as it may come twice; name another one"
            mistakes.add("alerts_to.early", each.early.topic, fix)
    return tuple(known)


def _is_list(values: object) -> bool:
    return isinstance(values, list | tuple)


def _targets(mistakes: Mistakes, field: str, declared: object, written: str) -> list[Kafka | Webhook]:
    if declared is None:
        return []
    given: Sequence[object] = declared if isinstance(declared, list | tuple) else [declared]
    for value in given:
        if not isinstance(value, Kafka | Webhook):
            mistakes.add(field, value, f"not a target; write {written}")
    return [value for value in given if isinstance(value, Kafka | Webhook)]


def _of_rollup(mistakes: Mistakes, field: str, target: Kafka, rollup: "RollupPlan") -> EmitPlan | None:
    before = len(mistakes.lines)
    _check_kafka(mistakes, field, target)
    when = FINAL if target.when is None else target.when
    if when not in WHEN:
        mistakes.add(f"{field}.when", when, 'write "final" or "every_commit"')
    merges = isinstance(rollup.window, Window) and not rollup.window.mistake and rollup.merges_windows
    if when == EVERY_COMMIT and merges:
        fix = 'sessions grow and merge, so that a row could not keep its key; write when="final"'
        mistakes.add(f"{field}.when", when, fix)
    if target.rules is not None:
        mistakes.add(f"{field}.rules", target.rules, "rules are about alerts; leave it out")
    if target.early is not False:
        mistakes.add(f"{field}.early", target.early, "only alerts are told early; leave it out")
    columns = {*(key.name for key in rollup.keys), *(aggregate.name for aggregate in rollup.aggregates)}
    if when == FINAL and CORRECTION in columns:
        fix = "rows have a field of this name, which says whether they correct one; rename the column"
        mistakes.add(field, CORRECTION, fix)
    key = _key(mistakes, f"{field}.key", target, rollup, when)
    if len(mistakes.lines) > before:
        return None
    check_columns(mistakes, f"{field}.format", target.format, row_values(rollup, when))
    return EmitPlan(f"{rollup.name}.{when}.{target.topic}", target, rollup, when, key)


def _key(mistakes: Mistakes, field: str, target: Kafka, rollup: "RollupPlan", when: str) -> tuple[str, ...]:
    whole = (*(key.name for key in rollup.keys), *_WINDOW)
    if target.key is None:
        return whole
    if when == EVERY_COMMIT:
        mistakes.add(field, target.key, "with every_commit the key is keys and window, by which a topic is compacted")
        return whole
    if isinstance(target.key, str) or not _is_list(target.key) or not target.key:
        mistakes.add(field, target.key, "write a list of columns, key=[...]")
        return whole
    for name in target.key:
        if name not in whole:
            fix = f"no key of the rollup, nor of its window{suggest(str(name), list(whole))}"
            mistakes.add(field, name, fix)
    return tuple(target.key)


def _of_alerts(
    mistakes: Mistakes, field: str, target: Kafka | Webhook, rules: Sequence[str], early_rules: Sequence[str]
) -> EmitPlan | None:
    before = len(mistakes.lines)
    if target.rules is not None and (isinstance(target.rules, str) or not _is_list(target.rules) or not target.rules):
        mistakes.add(f"{field}.rules", target.rules, "write a list of rules' names, or leave it out for all")
    elif target.rules is not None:
        for name in target.rules:
            if name not in rules:
                mistakes.add(f"{field}.rules", name, f"no rule of this pipeline{suggest(str(name), list(rules))}")
    wanted = None if target.rules is None else tuple(target.rules)
    early = None
    if isinstance(target, Kafka):
        _check_kafka(mistakes, field, target)
        early = _early(mistakes, f"{field}.early", target, wanted or rules, early_rules)
        for what, value in (("when", target.when), ("key", target.key)):
            if value is not None:
                mistakes.add(f"{field}.{what}", value, "is about rows of a rollup; leave it out")
        name, timeout_ms = f"alerts.{target.topic}", 0
    else:
        name, timeout_ms = f"webhook.{target.name}", _check_webhook(mistakes, field, target)
    if len(mistakes.lines) > before:
        return None
    return EmitPlan(name, target, rules=wanted, key=("alert_id",), timeout_ms=timeout_ms, early=early)


def _early(
    mistakes: Mistakes, field: str, target: Kafka, wanted: Sequence[str], early_rules: Sequence[str]
) -> Early | None:
    if target.early is False:
        return None
    topic = f"{target.topic}{EARLY}" if target.early is True else target.early
    if not isinstance(topic, str) or not _TOPIC.fullmatch(topic):
        mistakes.add(field, target.early, f"write True for the topic {target.topic}{EARLY}, or the name of another one")
        return None
    told = tuple(name for name in wanted if name in early_rules)
    if not told and not mistakes.lines:
        fix = (
            "no rule of this target can be told before its commit: thresholds and distinct counts over windows that "
            "are no sessions can; leave it out"
        )
        mistakes.add(field, target.early, fix)
    return Early(topic, told, tuple(name for name in wanted if name not in told))


def _check_kafka(mistakes: Mistakes, field: str, target: Kafka) -> None:
    if not isinstance(target.topic, str) or not _TOPIC.fullmatch(target.topic):
        fix = "the name of a topic: letters, digits, '.', '_' and '-', at most 249"
        mistakes.add(f"{field}.topic", target.topic, fix)
    if target.brokers is not None and not (isinstance(target.brokers, str) and target.brokers):
        mistakes.add(f"{field}.brokers", target.brokers, "write host:port, or leave it out for the source's brokers")
    _check_start(mistakes, field, target.start)
    check_format_name(mistakes, f"{field}.format", target.format)
    given = check.check_mapping(
        mistakes, f"{field}.properties", target.properties or {}, "write properties={name: value} of librdkafka"
    )
    for name, value in given.items():
        if not isinstance(value, str):
            mistakes.add(f"{field}.properties.{name}", value, "write the value as text")


def _check_webhook(mistakes: Mistakes, field: str, target: Webhook) -> int:
    check.check_name(mistakes, f"{field}.name", target.name)
    shown = _REFERENCE.sub("reference", target.url) if isinstance(target.url, str) else ""
    if not _URL.fullmatch(shown):
        fix = "write a URL that begins with https:// or http://, without user and password"
        mistakes.add(f"{field}.url", target.url if "@" not in str(target.url) else "****", fix)
    if not isinstance(target.secret, str) or not _VARIABLE.fullmatch(target.secret):
        # what stands there may be the secret itself
        fix = "name the variable of the environment that holds the secret, not the secret itself"
        mistakes.add(f"{field}.secret", "****", fix)
    if not isinstance(target.tries, int) or isinstance(target.tries, bool) or not 1 <= target.tries <= 100:
        mistakes.add(f"{field}.tries", target.tries, "write a whole number from 1 to 100")
    _check_start(mistakes, field, target.start)
    return check.check_duration(mistakes, f"{field}.timeout", target.timeout, least_ms=100) or 0


def _check_start(mistakes: Mistakes, field: str, value: object) -> None:
    if value not in STARTS:
        mistakes.add(f"{field}.start", value, 'write "earliest" or "latest"')
