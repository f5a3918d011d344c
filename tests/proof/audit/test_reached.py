"""How far event time has come by a ledger: for sure while a run may go on, and to its end where nothing comes after."""

from pathlib import Path

from proof.audit.reached import reach_of
from query.reader import LakeReader
from sinks.lake.tables.finality import EVER_MS
from tests.harness import Product
from tests.model.files import read_folder
from tests.proof.audited import CUTS, Audited, pipeline, write_input


def test_where_all_partitions_have_ended_for_good_everything_is_certain(tmp_path: Path) -> None:
    made = Audited(tmp_path)
    with LakeReader(made.lake) as reader:
        reach = reach_of(reader.snapshot(), made.plan.out_of_orderness_ms)
    assert reach.least_ms == EVER_MS
    assert set(reach.newest_ms) == {"left", "right"}
    assert reach.most_ms == max(reach.newest_ms.values()) - made.plan.out_of_orderness_ms


def test_while_a_run_goes_on_the_slowest_partition_says_what_is_certain(tmp_path: Path) -> None:
    write_input(tmp_path / "input")
    product = Product(pipeline(), tmp_path, read_folder(tmp_path / "input"), tmp_path)
    for what, number, count in CUTS.steps[:12]:
        if what == "poll":
            product.poll(number, count)
        else:
            product.end_epoch()
    product.close()
    with LakeReader(tmp_path / "lake") as reader:
        reach = reach_of(reader.snapshot(), product.plan.out_of_orderness_ms)
    newest = reach.newest_ms.values()
    bound_ms = product.plan.out_of_orderness_ms
    assert (reach.least_ms, reach.most_ms) == (min(newest) - bound_ms, max(newest) - bound_ms)
