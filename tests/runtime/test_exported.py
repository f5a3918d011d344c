"""Metrics are there once their library is, and not before."""

import subprocess
import sys
from pathlib import Path

from runtime import metrics
from runtime.exported import metrics as exported

ROOT = Path(__file__).parents[2]


def test_where_the_library_is_loaded_all_metrics_are_given() -> None:
    assert exported() is metrics


def test_a_run_without_an_endpoint_does_not_load_it_and_counts_for_nobody() -> None:
    code = (
        "import sys, runtime.launch, runtime.compactor, runtime.observer\n"
        "from runtime.exported import LIBRARY, metrics\nprint(metrics(), LIBRARY in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "None False\n"
