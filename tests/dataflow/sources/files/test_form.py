"""Which files are read, by the endings of their names."""

import pytest

from dataflow.sources.files.form import ENDINGS, form_of


@pytest.mark.parametrize(
    ("name", "kind", "compression", "stem"),
    [
        ("a.ndjson", "lines", None, "a"),
        ("a.b.jsonl", "lines", None, "a.b"),
        ("a.json.gz", "lines", "gzip", "a"),
        ("A.NDJSON.GZ", "lines", "gzip", "A"),
        ("a.Jsonl.zst", "lines", "zstd", "a"),
        ("part-00000.parquet", "parquet", None, "part-00000"),
        ("a.avro", "avro", None, "a"),
        ("app.1.csv", "csv", None, "app.1"),
        ("a.csv.gz", "csv", "gzip", "a"),
    ],
)
def test_the_ending_says_how_a_file_is_read_in_any_case(
    name: str, kind: str, compression: str | None, stem: str
) -> None:
    form = form_of(name)
    assert form is not None
    assert (form.kind, form.compression, form.stem) == (kind, compression, stem)


@pytest.mark.parametrize(
    "name", ["a.txt", "ndjson", ".ndjson", ".json.gz", "a.gz", "a.parquet.gz", "a.ndjson.bak", "_SUCCESS"]
)
def test_other_names_are_not_read(name: str) -> None:
    assert form_of(name) is None


def test_every_ending_is_one_that_is_read() -> None:
    assert len(ENDINGS) == 14
    assert all(form_of(f"x{ending}") for ending in ENDINGS)
