"""Erases the person from the lake named on the command line and dies at the named point."""

import sys
from datetime import UTC, datetime
from pathlib import Path

from sinks.lake.catalog.catalog import Catalog
from sinks.lake.fault import fault_from
from sinks.lake.upkeep.erase import erase
from tests.sinks.lake.upkeep.people import condition, definition_of


def main(folder: str, fault: str, at: str) -> None:
    """One erasure at the moment `at`."""
    catalog = Catalog.open(Path(folder))
    moment = datetime.fromtimestamp(float(at), UTC)
    wanted, definition = condition(catalog), definition_of(catalog)
    erase(catalog, definition, wanted, clock=lambda: moment, wait=lambda: None, fault=fault_from(fault))
    catalog.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
