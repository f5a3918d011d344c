"""`tidemill run` on the made-up stream, begun hours ago: a lake with a yesterday, and then live."""

import sys
import time
from functools import partial

import dataflow.sources.generator.adstream as adstream
from run import main

HOUR_MS = 3_600_000


def begin_ago(hours: float) -> None:
    """The stream of this process begins so long ago, at a whole second: all until now can be read at once."""
    start_ms = int(time.time()) * 1000 - int(hours * HOUR_MS)
    # the settings have no start: nobody but a test, or a picture, needs a past that is made up
    adstream.AdStream = partial(adstream.AdStream, start_ms=start_ms)  # type: ignore[misc,assignment]  # see above


if __name__ == "__main__":
    begin_ago(float(sys.argv.pop(1)))
    sys.argv.insert(1, "run")
    main()
