"""The seam from a run to what leaves its lake: told of commits, asked to bring all out at the end."""

from collections.abc import Callable
from typing import Protocol

import pyarrow as pa

from dataflow.pipeline.plan import Plan
from runtime.settings import Settings


class Outlet(Protocol):
    """All ways out of a pipeline, beside the writer of its lake; at most one process of a run begins it."""

    @property
    def early_rules(self) -> frozenset[str]:
        """The rules whose raised alerts are to be told before their commit."""
        ...

    def tell_early(self, changes: pa.Table) -> None:
        """These alerts, in ALERT_SCHEMA, would be raised; for the writer's thread. Neither waits nor raises."""
        ...

    def begin(self, incarnation: int) -> None:
        """The lake's writer is this process's, as run `incarnation`, and has published what earlier runs had staged."""
        ...

    def committed(self) -> None:
        """Something was published; for the writer's thread, which must not wait."""
        ...

    def finish(self) -> None:
        """All is published: send what is left, or say what is left. Never raises."""
        ...

    def stop(self) -> None:
        """End, whatever is left; the next start goes on."""
        ...


class NoOutlet:
    """Nothing leaves the lake."""

    early_rules: frozenset[str] = frozenset()

    def tell_early(self, changes: pa.Table) -> None:
        """As `Outlet` says."""

    def begin(self, incarnation: int) -> None:
        """As `Outlet` says."""

    def committed(self) -> None:
        """As `Outlet` says."""

    def finish(self) -> None:
        """As `Outlet` says."""

    def stop(self) -> None:
        """As `Outlet` says."""


Outlets = Callable[[Settings, Plan], Outlet]
"""Makes the outlet of a run. Raises ConfigError where a secret or a property is wrong or lacking, before data moves."""


def no_outlets(_settings: Settings, _plan: Plan) -> Outlet:
    """Of a run that sends nothing."""
    return NoOutlet()
