"""Code that is given back is out of this process's memory, and there again as soon as it is used."""

import os
import re
from pathlib import Path

import pytest
from llvmlite import binding

from runtime import spare_code
from runtime.spare_code import COMPILER, give_back

REGIONS = """\
1000-2000 r-xp 00000000 fe:00 7                          /lib/libllvmlite.so
Rss:                   4 kB
Private_Dirty:         0 kB
Anonymous:             0 kB
2000-3000 r--p 00001000 fe:00 7                          /lib/libllvmlite.so
Rss:                   4 kB
Private_Dirty:         4 kB
Anonymous:             4 kB
3000-4000 rw-p 00002000 fe:00 7                          /lib/libllvmlite.so
Rss:                   0 kB
Private_Dirty:         0 kB
Anonymous:             0 kB
5000-6000 r-xp 00000000 fe:00 8                          /llvmlite/libc.so.6
Rss:                   4 kB
Private_Dirty:         0 kB
Anonymous:             0 kB
"""


def resident_kb() -> int:
    """Of this process, of files."""
    found = re.search(r"^RssFile:\s+(\d+)", Path("/proc/self/status").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1])


@pytest.mark.skipif(not os.path.exists("/proc/self/smaps"), reason="the system does not tell what is in memory")
def test_a_compiler_is_given_back_and_compiles_again() -> None:
    module = "define i64 @seven() { ret i64 7 }"
    binding.parse_assembly(module).verify()
    before = resident_kb()
    assert give_back(COMPILER) > 2**20
    assert resident_kb() < before - 1024
    assert "seven" in str(binding.parse_assembly(module))


def test_what_was_written_to_and_what_is_of_another_file_stay(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    told = tmp_path / "smaps"
    told.write_text(REGIONS)
    assert spare_code._clean(told.read_text(), COMPILER) == [(0x1000, 0x2000, 4096)]
    monkeypatch.setattr(spare_code, "_SMAPS", tmp_path / "none")
    assert give_back(COMPILER) == 0
