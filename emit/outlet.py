"""All ways out of a run: one follower each, begun with the lake's writer and ended with the run."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from dataflow.errors import ConfigError
from dataflow.logs import logger
from dataflow.pipeline.emit_plan import Early, EmitPlan
from dataflow.pipeline.plan import Plan
from dataflow.pipeline.targets import LATEST, Kafka, Webhook
from dataflow.sources.kafka.properties import HOW_TO_REFER, REGISTRY, check_owned, is_reference, is_secret, resolved
from dataflow.spoken import counted
from emit.alert_changes import AlertChanges
from emit.early_records import early_records
from emit.follower import Follower, Means, Source
from emit.forms import form_of
from emit.hook import Clocks, HookTarget
from emit.http_post import Answer, post
from emit.ledger import LakeLedger
from emit.rollup_rows import RollupRows
from emit.signature import key_of
from emit.target import Target
from query.reader import LakeReader
from runtime.delivery_mark import DeliveryMark
from runtime.outlet import NoOutlet, Outlet
from runtime.registry.client import RegistryClient
from runtime.registry.open import checked_properties
from runtime.settings import Settings
from sinks.lake.fault import Fault, fault_from

if TYPE_CHECKING:
    from emit.early import EarlyTopic

PATIENCE_S = 20.0
"""So long a run that ends waits for what is left to go out."""


@dataclass(frozen=True, slots=True)
class Hook:
    """A webhook with its secrets, which are nowhere but here."""

    url: str
    key: bytes


@dataclass(frozen=True, slots=True)
class Way:
    """One way out with what it needs of the environment: a cluster's properties, a registry, or a webhook's secrets."""

    plan: EmitPlan
    brokers: str = ""
    properties: Mapping[str, str] | None = None
    hook: Hook | None = None
    registry: RegistryClient | None = None


def outlet_of(settings: Settings, plan: Plan, environ: Mapping[str, str]) -> Outlet:
    """The outlet of a run of these settings; `environ` holds the secrets. Raises ConfigError where one is lacking.

    Ranges that are read again, as by a replay, were sent when they were read first.
    """
    if not plan.emits or not settings.emit or settings.ranges is not None:
        return NoOutlet()
    return LakeOutlet(settings, plan, ways_of(settings, plan, environ))


def ways_of(settings: Settings, plan: Plan, environ: Mapping[str, str]) -> list[Way]:
    """The pipeline's ways out with what they refer to. Raises ConfigError, which shows no secret."""
    return [_way(settings, each, environ) for each in plan.emits]


def _way(settings: Settings, plan: EmitPlan, environ: Mapping[str, str]) -> Way:
    target = plan.target
    if isinstance(target, Kafka):
        for name, value in (target.properties or {}).items():
            _require_safe(f"{plan.name}, properties", name, value)
        own = resolved(dict(target.properties or {}), environ)
        registered = {name: own.pop(name) for name in list(own) if name.startswith(REGISTRY)}
        registry = None
        if plan.is_registered:
            needs = f"{plan.where} has its schema in a registry: set it in [kafka], or write json()"
            registry = RegistryClient(checked_properties({**settings.require_registry(), **registered}, needs))
        return Way(plan, target.brokers or settings.brokers, {**settings.require_kafka(), **own}, registry=registry)
    where = f"webhook {target.name}"
    if target.secret not in environ:
        fix = f"the environment has no such variable, which holds the secret of {where}: set it where the run starts"
        raise ConfigError("secret", target.secret, fix)
    try:
        key = key_of(environ[target.secret])
    except ValueError as error:
        fix = f"the secret of {where}, in this variable, is none: {error}; make one with `openssl rand -base64 32`"
        raise ConfigError("secret", target.secret, fix) from None
    try:
        url = resolved({"url": target.url}, environ)["url"]
    except ConfigError as error:
        raise ConfigError("url", error.value, f"{error.fix} ({where})") from None
    return Way(plan, hook=Hook(url, key))


def _require_safe(where: str, name: str, value: str) -> None:
    """Raise ConfigError for a secret that stands in the pipeline file, and for a property that is ours to set."""
    check_owned(name, value, where)
    if is_secret(name) and not is_reference(value):
        fix = f"a secret does not stand in a pipeline file; write {HOW_TO_REFER} (from {where})"
        raise ConfigError(f"kafka.{name}", "****", fix)


class LakeOutlet:
    """The ways out of one run; see `Outlet`."""

    def __init__(self, settings: Settings, plan: Plan, ways: list[Way]) -> None:
        self._lake = Path(settings.lake)
        self._plan = plan
        self._ways = ways
        self._fault = fault_from(settings.fault)
        self._mark = DeliveryMark(Path(settings.recovery))
        self._reader: LakeReader | None = None
        self._followers: list[Follower] = []
        self._early: list[tuple[EmitPlan, EarlyTopic]] = []

    @property
    def early_rules(self) -> frozenset[str]:
        """As `Outlet` says."""
        return frozenset(rule for way in self._ways if way.plan.early is not None for rule in way.plan.early.rules)

    def tell_early(self, changes: pa.Table) -> None:
        """As `Outlet` says."""
        records = early_records(changes)
        for plan, topic in self._early:
            assert plan.early is not None
            topic.write([record for record in records if record.rule in plan.early.rules])

    def begin(self, incarnation: int) -> None:
        """As `Outlet` says."""
        self._mark.clear()
        self._early = [(way.plan, _early_topic(way, way.plan.early)) for way in self._ways if way.plan.early]
        self._reader = LakeReader(self._lake, threads=1)
        self._followers = [self._follower(way, self._reader, incarnation) for way in self._ways]
        for follower in self._followers:
            follower.start()

    def committed(self) -> None:
        """As `Outlet` says."""
        for follower in self._followers:
            follower.wake()

    def finish(self) -> None:
        """As `Outlet` says; waits PATIENCE_S at most."""
        for follower in self._followers:
            follower.finish()
        deadline = time.monotonic() + PATIENCE_S
        for follower in self._followers:
            follower.join(max(0.0, deadline - time.monotonic()))
        log = logger("emit")
        for follower in self._followers:
            if follower.is_done:
                log.info(f"{follower.name}: all is sent", records=follower.sent)
            else:
                why = follower.reason or f"it is slower than {PATIENCE_S:g} s"
                sent = counted(follower.sent, "record")
                log.warning(
                    f"{follower.name}: not all of this lake is sent, {sent} in this run: {why}",
                    fix="start again with the same lake: it goes on where it was, and nothing is lost or sent twice",
                )
        self.stop()

    def stop(self) -> None:
        """As `Outlet` says."""
        for follower in self._followers:
            follower.stop()
        for follower in self._followers:
            follower.join(1.0)
        self._followers = []
        for _, topic in self._early:
            topic.close()
        self._early = []
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def _follower(self, way: Way, reader: LakeReader, incarnation: int) -> Follower:
        plan = way.plan
        source: Source
        source = AlertChanges(reader, plan) if plan.rollup is None else RollupRows(reader, self._plan, plan)
        ledger = LakeLedger(
            self._lake,
            plan.name,
            source.source,
            pipeline=self._plan.name,
            incarnation=incarnation,
            clock=now,
            fault=self._fault,
        )
        follower: Follower

        def wait(seconds: float) -> bool:
            return follower.wait(seconds)

        target = _target(self._plan.name, way, ledger, wait, self._fault)
        means = Means(target, ledger, self._mark, now, time.monotonic)
        follower = Follower(plan.name, reader, source, means, latest=plan.target.start == LATEST)
        return follower


def now() -> datetime:
    """The wall clock of what is sent."""
    return datetime.now(UTC)


def _target(pipeline: str, way: Way, ledger: LakeLedger, wait: Callable[[float], bool], fault: Fault) -> Target:
    plan = way.plan
    if isinstance(plan.target, Webhook):
        assert way.hook is not None
        clocks = Clocks(now, time.monotonic, wait)
        asked = partial(_post, way.hook.url, plan.timeout_ms / 1000)
        return HookTarget(plan.target.name, asked, way.hook.key, plan.target.tries, ledger, clocks)
    # only who writes to Kafka needs its client
    from emit.transaction import KafkaTarget

    name = f"tidemill.{pipeline}.{plan.name}"
    form = form_of(pipeline, plan, way.registry)
    return KafkaTarget(name, plan.target.topic, way.brokers, way.properties or {}, form=form, fault=fault)


def _early_topic(way: Way, early: Early) -> "EarlyTopic":
    from emit.early import EarlyTopic

    return EarlyTopic(early.topic, way.brokers, way.properties or {})


def _post(url: str, timeout_s: float, body: bytes, headers: dict[str, str]) -> Answer:
    return post(url, body, headers, timeout_s)
