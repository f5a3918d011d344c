"""What `tidemill spark run` says before Spark is asked; what it does is played in tests/spark/test_page.py."""

import pytest

from cli.main import main
from tests.flink.parity.matrix import CASES


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--python", "/nowhere"], 1, "there is no Python with pyspark at /nowhere: `make spark` makes it"),
        (["--form", "both"], 2, "--form = 'both': write batch or stream"),
    ],
)
def test_what_is_missing_or_wrong_is_told_and_nothing_is_written(tmp_path, monkeypatch, capsys, words, code, said):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(arguments=["spark", "run", "--pipeline", str(CASES / "windows.py"), *words])
    assert ended.value.code == code
    assert said in capsys.readouterr().err
    assert [*tmp_path.iterdir()] == []
