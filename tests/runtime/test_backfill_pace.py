"""How far apart the commits are of a run that ends by itself."""

import pytest

from runtime.backfill_pace import BATCH_RECORDS, EPOCH_BYTES, EPOCH_MS, KAFKA_EPOCH_MS, WHERE
from runtime.origins import origins
from runtime.settings import SETTINGS, load_settings

NAMES = ("epoch_ms", "max_epoch_bytes", "batch_records")
USUAL = [SETTINGS[name].default for name in NAMES]


def test_a_bounded_run_over_files_has_longer_epochs_and_larger_polls_and_says_why(tmp_path):
    settings = load_settings({"input": tmp_path, "bounded": True}, {}, tmp_path)
    shown = {key: (value, origin) for key, value, origin in origins(settings)}
    slower = [EPOCH_MS, EPOCH_BYTES, BATCH_RECORDS]
    assert [shown[name] for name in NAMES] == [(str(value), WHERE) for value in slower]
    assert all(value > usual for value, usual in zip(slower, USUAL, strict=True))


def test_what_is_set_holds_for_it_too_and_only_that(tmp_path):
    environ = {"TIDEMILL_INPUT": str(tmp_path), "TIDEMILL_BOUNDED": "true", "TIDEMILL_EPOCH_MS": "100"}
    settings = load_settings({}, environ, tmp_path)
    assert (settings.epoch_ms, settings.max_epoch_bytes) == (100, EPOCH_BYTES)
    assert load_settings({"max_epoch_bytes": 1 << 20}, environ, tmp_path).max_epoch_bytes == 1 << 20


def test_longer_epochs_that_somebody_set_keep_the_usual_cap_of_bytes(tmp_path):
    settings = load_settings({"input": tmp_path, "bounded": True, "epoch_ms": 60_000}, {}, tmp_path)
    assert (settings.epoch_ms, settings.max_epoch_bytes) == (60_000, SETTINGS["max_epoch_bytes"].default)


def test_a_bounded_run_over_topics_has_longer_epochs_alone(tmp_path):
    settings = load_settings({"bounded": True}, {}, tmp_path)
    assert [getattr(settings, name) for name in NAMES] == [KAFKA_EPOCH_MS, *USUAL[1:]]
    assert load_settings({"bounded": True, "epoch_ms": 250}, {}, tmp_path).epoch_ms == 250


@pytest.mark.parametrize("given", [{}, {"source": "generator"}, {"input": "in"}])
def test_any_other_run_has_those_that_queries_wait_for(tmp_path, given):
    settings = load_settings(given, {}, tmp_path)
    assert [getattr(settings, name) for name in NAMES] == USUAL


def test_a_worker_with_one_file_does_not_wait_for_the_next_epoch():
    fastest_bytes_per_s = 4_000_000 * 132
    assert fastest_bytes_per_s * EPOCH_MS / 1000 <= EPOCH_BYTES
