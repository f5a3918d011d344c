"""Compacts the lake named on the command line and dies at the named point."""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sinks.lake.catalog.catalog import Catalog
from sinks.lake.fault import fault_from
from sinks.lake.tables.specs import specs_of_lake
from sinks.lake.upkeep.compact import compact
from sinks.lake.upkeep.expire import Retention


def main(folder: str, fault: str, at: str, keep_days: str = "9999") -> None:
    """Merged files and orphans go at once, snapshots stay for so many days."""
    catalog = Catalog.open(Path(folder))
    moment = datetime.fromtimestamp(float(at), UTC)
    retention = Retention(keep=timedelta(days=int(keep_days)), thin_every=timedelta(0), grace=timedelta(0))
    compact(catalog, specs_of_lake(catalog), clock=lambda: moment, retention=retention, fault=fault_from(fault))
    catalog.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
