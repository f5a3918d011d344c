"""The measurement of files: every form has the same records, and what is measured is what is said."""

from pathlib import Path

import pytest

from bench import files
from dataflow.decode.decoder import decoder_for
from dataflow.pipeline.load import load


def test_every_form_of_file_gives_the_same_events_and_costs_are_told_beside_another(tmp_path: Path) -> None:
    plan = load(files.PIPELINE)
    events = files.fill(tmp_path, 3_000, plan)
    assert 2_900 < events < 3_000
    decoder = decoder_for(plan, of_kafka=False)
    for form in (files.PLAIN, files.GZIP, files.ZSTD, files.PARQUET, files.WIDE):
        assert files.read(tmp_path / form, plan, decoder) == events
    costs = {cost.form: cost for cost in files.measure(tmp_path, plan, 5, events)}
    assert [*costs] == [*files.FORMS]
    parquet, lines = costs[files.PARQUET], costs[files.PLAIN]
    assert parquet.times == pytest.approx(lines.cpu_s_per_million / parquet.cpu_s_per_million)
    assert (parquet.beside, parquet.least_times) == (files.PLAIN, 3.0)
    assert "| parquet |" in files.as_markdown([*costs.values()])
    with pytest.raises(ValueError, match="no median worth stating"):
        files.measure(tmp_path, plan, 4, events)
