"""Another engine as one side of a parity run."""

from dataclasses import dataclass
from typing import Protocol

from dataflow.pipeline.plan import Plan
from proof.parity.layout import Tables
from proof.parity.records import Kafka, Pins


@dataclass(frozen=True, slots=True)
class Answer:
    """What an engine has said: its tables, and more about its run in words.

    `judged`: the rules of which it has told the alerts itself, which stand in its table of alerts.
    """

    tables: Tables
    told: str
    judged: tuple[str, ...] = ()


class Engine(Protocol):
    """Who runs the same pipeline with means of its own."""

    @property
    def name(self) -> str:
        """As the side is called."""

    def ask(self, plan: Plan, pins: Pins, kafka: Kafka) -> Answer:
        """Run the pipeline from pinned offset to pinned offset. Raises what the engine fails with."""
