"""How the kernels are made; what they give is tested in test_hashing.py and test_dedup.py."""

import subprocess
import sys


def test_the_compiler_is_not_loaded_before_something_is_hashed() -> None:
    code = "import sys, dataflow.intake.judge, proof.audit.audit, sinks.lake.sink; print('numba' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
