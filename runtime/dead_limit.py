"""Ends a run in which a larger share of the records is dead than `fail_dead` allows."""

from collections.abc import Callable

from dataflow.errors import TooManyDead
from dataflow.intake.control import Control
from dataflow.losses.limit import JUDGED_FROM_RECORDS, DeadShare
from dataflow.losses.tally import Tally, Totals

REASON = "more dead letters than fail_dead allows"


class DeadLimit:
    """One per process; each judges what it has read itself, and the first that has enough ends them all.

    `share` None: nothing is ever too much.
    """

    def __init__(
        self, share: DeadShare | None, tally: Tally, control: Control, stop_others: Callable[[], None]
    ) -> None:
        """`stop_others()` asks the run's other processes to end as this one does."""
        self._share = share
        self._tally = tally
        self._control = control
        self._stop_others = stop_others
        self._passed_at: Totals | None = None

    def look(self, totals: Totals) -> None:
        """Judge what was read so far: the sources drain once it is too much, and all that was read is committed."""
        if self._passed_at is None and totals.read >= JUDGED_FROM_RECORDS and self._is_passed(totals):
            self._passed_at = totals
            self._control.stop(REASON)
            self._stop_others()

    def require(self) -> None:
        """At the end, when all is committed. Raises TooManyDead if it was too much, or is at the input's own end."""
        totals = self._tally.totals
        if self._passed_at is None and not self._control.stopping and self._is_passed(totals):
            self._passed_at = totals
        if self._passed_at is None or self._share is None:
            return
        loss = self._tally.dead()
        told = "" if loss is None else f" {loss.like[0].upper()}{loss.like[1:]}. Fix: {loss.cause.fix}"
        raise TooManyDead(
            f"{totals.dead:,} of {totals.read:,} records became dead letters, more than fail_dead = "
            f"{self._share.text} allows, so the run ended. All that was read is committed, the dead letters in the "
            f"table dead_letters, and the next start goes on behind them.{told}"
        )

    def _is_passed(self, totals: Totals) -> bool:
        return self._share is not None and self._share.is_passed(totals.dead, totals.read)
