"""The last epochs of a run: no later one comes to publish them, so they are published once the flow has returned."""

from runtime.recovery_folder import RecoveryFolder
from runtime.recovery_store import durable_sink_state
from sinks.lake.fault import Fault
from sinks.lake.writer import LakeWriter


class LastEpochs:
    """One per process; at most one process of a pipeline has the lake's writer.

    An epoch is published when the recovery store holds it for all workers. While a flow runs, a record of a later one
    shows that; after its end the store is asked where it would go on, which is what the next start asks too. So this
    publishes exactly what that start would, and a process that is killed before or within leaves it to that start.
    """

    def __init__(self, recovery: RecoveryFolder, fault: Fault) -> None:
        self._recovery = recovery
        self._fault = fault
        self._writer: LakeWriter | None = None
        self.begun = False
        """Whether the flow has returned."""

    def has(self, writer: LakeWriter) -> None:
        """From now on the lake's writer is this process's."""
        self._writer = writer

    def publish(self) -> None:
        """To be called once the flow has returned without an error. Raises RecoveryError, or what a commit raises."""
        self.begun = True
        self._fault("after_flow")
        if self._writer is None or not self._writer.waits:
            return
        self._writer.publish_last(durable_sink_state(self._recovery))
        self._fault("after_last")
