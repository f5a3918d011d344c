"""How a run is told to stop, and which error ended it."""

import pytest

from dataflow.errors import LakeError, SourceError
from dataflow.intake.control import Control


def test_the_first_error_of_ours_is_kept():
    control = Control()
    for error in (ValueError("not ours"), SourceError("first"), LakeError("second")):
        with pytest.raises(type(error)), control.keeping_errors():
            raise error
    assert str(control.error) == "first"


def test_a_stop_keeps_its_first_reason_and_is_no_restart():
    control = Control()
    control.stop("SIGTERM")
    control.restart("new partitions")
    assert (control.stopping, control.restart_wanted, control.reason) == (True, False, "SIGTERM")


def test_a_restart_is_a_stop_too():
    control = Control()
    control.restart("new partitions")
    assert (control.stopping, control.restart_wanted, control.reason) == (True, True, "new partitions")
