"""The metrics of this process, where anybody can ask for them."""

import sys
from types import ModuleType

LIBRARY = "prometheus_client"


def metrics() -> ModuleType | None:
    """`runtime.metrics`; None while its library is not loaded: the endpoint does that, and without one nobody asks.

    It takes a twentieth of a run's start.
    """
    if LIBRARY not in sys.modules:
        return None
    from runtime import metrics as exported

    return exported
