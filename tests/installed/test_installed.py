"""An installed Tidemill in folders that know nothing of the tree: every command that a user begins with."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from query.reader import LakeReader
from tests.installed.installation import ROOT, Installation

SHOP = '''"""Orders: how many per shop and minute."""

from pydantic import BaseModel

from tidemill import EventTime, Money, Pipeline, Rollup
from tidemill import aggregates as agg
from tidemill.windows import tumble


class Order(BaseModel):
    order_id: str
    at: EventTime
    shop: str
    amount: Money


pipeline = Pipeline(
    name="orders",
    event=Order,
    deduplicate_by="order_id",
    deduplicate_within="1h",
    rollups=[
        Rollup(
            "shop_1m",
            keys=["shop"],
            window=tumble("1m"),
            aggregates={"orders": agg.count(), "turnover": agg.sum("amount"), "buyers": agg.count_distinct("order_id")},
        ),
    ],
)
'''
NOON_MS = 1_767_268_800_000
RUN = ("run", "--pipeline", "shop.py", "--source", "files", "--input", "in", "--bounded")


def orders(folder: Path, name: str, count: int) -> None:
    """A file of so many orders, a second after each other, of shops a and b in turns."""
    lines = [
        json.dumps({"order_id": f"{name}-{n}", "at": NOON_MS + 1000 * n, "shop": "ab"[n % 2], "amount": 2.5})
        for n in range(count)
    ]
    (folder / "in").mkdir(exist_ok=True)
    (folder / "in" / f"{name}.ndjson").write_text("\n".join(lines) + "\n")


def counted(folder: Path) -> int:
    with LakeReader(folder / "lake") as reader:
        return int(reader.query("SELECT sum(orders)::BIGINT FROM shop_1m").column(0)[0].as_py())


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A user's folder: a pipeline file and two files of orders."""
    (tmp_path / "shop.py").write_text(SHOP)
    orders(tmp_path, "one", 100)
    orders(tmp_path, "two", 150)
    return tmp_path


def test_the_version_tells_what_is_underneath(installation: Installation, tmp_path: Path) -> None:
    first, second, third = installation.tidemill(tmp_path, "--version").splitlines()
    assert re.fullmatch(r"tidemill \d+\.\d+\.\d+", first)
    assert second.startswith("CPython 3.")
    assert "bytewax 0.21.1" in third


def test_a_users_pipeline_is_checked_run_and_asked(installation: Installation, shop: Path) -> None:
    assert "pipeline orders is correct" in installation.tidemill(shop, "check", "--pipeline", "shop.py")
    installation.tidemill(shop, *RUN)
    question = "SELECT shop, sum(orders) AS n, sum(turnover) AS t FROM shop_1m GROUP BY shop ORDER BY shop"
    answer = installation.tidemill(shop, "query", question, "--format", "csv")
    assert answer == "shop,n,t\na,125,312.500000\nb,125,312.500000\n"
    report = installation.tidemill(shop, "report", "shop_1m", "--pipeline", "shop.py", "--format", "ndjson")
    assert {json.loads(line)["shop"] for line in report.splitlines()} == {"a", "b"}
    for command in (("doctor", *RUN[1:7]), ("audit", *RUN[1:7]), ("replay", *RUN[1:7], "--check"), ("compact",)):
        installation.tidemill(shop, *command)


def test_processes_and_the_compactor_find_the_installed_program(installation: Installation, shop: Path) -> None:
    # what lies in the working folder is not what a child begins with
    (shop / "tidemill.py").write_text("raise SystemExit('not this one')")
    (shop / "run.py").write_text("raise SystemExit('nor this')")
    installation.tidemill(shop, *RUN, "--processes", "2", "-w", "2", "--compact-every", "100ms")
    assert counted(shop) == 250


def test_what_is_compiled_is_kept_in_the_users_cache_and_not_in_the_package(
    installation: Installation, shop: Path
) -> None:
    installation.tidemill(shop, *RUN)
    assert list((installation.cache / "tidemill" / "kernels").rglob("*.loops"))
    (record,) = installation.packages.glob("*.dist-info/RECORD")
    known = {line.partition(",")[0] for line in record.read_text().splitlines()}
    found = {path.relative_to(installation.packages) for path in (installation.packages / "tidemill").rglob("*.*")}
    assert {str(path) for path in found if path.parent.name != "__pycache__"} <= known
    assert {path.suffix for path in found if path.parent.name == "__pycache__"} == {".pyc"}


def test_a_lake_of_the_tree_goes_on_in_an_installation_and_back(installation: Installation, shop: Path) -> None:
    def in_the_tree() -> None:
        command = [sys.executable, str(ROOT / "run.py"), *RUN]
        subprocess.run(command, cwd=shop, env=installation.environment, check=True, capture_output=True)

    in_the_tree()
    orders(shop, "one", 120)
    installation.tidemill(shop, *RUN)
    assert counted(shop) == 270
    orders(shop, "three", 30)
    in_the_tree()
    assert counted(shop) == 300


def test_an_import_of_the_tree_is_answered_with_what_to_write(installation: Installation, tmp_path: Path) -> None:
    (tmp_path / "old.py").write_text(SHOP.replace("from tidemill", "from dataflow"))
    said = installation.tidemill(tmp_path, "check", "--pipeline", "old.py", code=2)
    assert said.count("\n") == 1
    assert said.startswith("error: pipeline = 'old.py': old.py, line 5: write `from tidemill import ...`")


def test_a_folder_without_a_pipeline_has_the_shipped_one(installation: Installation, tmp_path: Path) -> None:
    shown = installation.tidemill(tmp_path, "check")
    assert "site-packages/tidemill/pipelines/ads.py: pipeline ads is correct" in shown
    assert "clicks_per_ad" in installation.tidemill(tmp_path, "report")
    assert re.search(r"pipeline +\S+ads.py +shipped with Tidemill", installation.tidemill(tmp_path, "config", "show"))
    assert list(tmp_path.iterdir()) == []


def test_a_pipeline_file_is_typed_for_those_who_check_types(installation: Installation, shop: Path) -> None:
    checked = [sys.executable, "-m", "mypy", "--strict", "--python-executable", str(installation.python), "shop.py"]
    assert "Success" in installation.run(shop, *checked)
    (shop / "shop.py").write_text(SHOP.replace('keys=["shop"]', "keys=3"))
    assert installation.run(shop, *checked, code=1) == ""
