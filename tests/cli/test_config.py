"""`tidemill config show`."""

import pytest

from cli.main import main
from runtime.settings import SETTINGS


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "tidemill.toml").write_text('topic = "clicks"\n[kafka]\n"sasl.password" = "hush"\n')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TIDEMILL_WORKERS", "3")


def test_every_setting_is_shown_with_its_value_and_where_it_came_from(capsys, folder):
    with pytest.raises(SystemExit, match="0"):
        main(arguments=["config", "show"])
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert rows[0] == ["setting", "value", "from"]
    assert ["topic", "clicks", "tidemill.toml"] in rows
    assert ["workers", "3", "TIDEMILL_WORKERS"] in rows
    assert ["epoch_ms", "250", "default"] in rows
    assert ["kafka.sasl.password", "****", "tidemill.toml"] in rows
    assert {row[0].partition(".")[0] for row in rows[1:]} == set(SETTINGS)


def test_a_wrong_variable_ends_with_exit_code_2(capsys, folder, monkeypatch):
    monkeypatch.setenv("TIDEMILL_BROKER", "x:1")
    with pytest.raises(SystemExit) as ended:
        main(arguments=["config", "show"])
    assert ended.value.code == 2
    err = capsys.readouterr().err
    assert err == "error: TIDEMILL_BROKER = 'x:1': no such setting; did you mean TIDEMILL_BROKERS?\n"
