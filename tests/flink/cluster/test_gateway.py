"""The SQL gateway of a real cluster: sessions, answers, and its refusals in few words."""

import pytest

from flink.cluster.cluster import FlinkCluster
from flink.cluster.errors import FlinkError, Unreachable
from flink.cluster.gateway import Gateway
from runtime.ports import free_ports

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(900)]


def test_what_a_session_makes_is_known_to_its_later_statements_alone(flink: FlinkCluster) -> None:
    with flink.gateway.session({"parallelism.default": "3"}) as session:
        session.run("CREATE TEMPORARY VIEW two AS SELECT 2 AS n")
        assert session.run("SHOW TABLES").rows == (("two",),)
        settings = dict(session.run("SET").rows)
        assert settings["parallelism.default"] == "3"
    assert flink.gateway.run(["SHOW TABLES"])[0].rows == ()
    with pytest.raises(FlinkError, match=r"`SHOW TABLES`: SqlGatewayException: Session .* does not exist"):
        session.run("SHOW TABLES")


def test_rows_come_with_their_columns_over_as_many_pages_as_it_takes(flink: FlinkCluster) -> None:
    asked = "SELECT n, n * 2 AS twice FROM (VALUES (1), (2), (CAST(NULL AS INT))) AS t(n)"
    (answer,) = flink.gateway.run([asked])
    assert answer.columns == ("n", "twice")
    assert set(answer.rows) == {(1, 2), (2, 4), (None, None)}
    assert answer.job is not None


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("SELEC 1", "refuses `SELEC 1`: .*Non-query expression"),
        ("SELECT x FROM nowhere", "Object 'nowhere' not found"),
        ("CREATE TEMPORARY FUNCTION f AS 'a.b.C'", "ClassNotFoundException: a.b.C"),
        ("ADD JAR '/nowhere/x.jar'", r"\[/nowhere/x.jar\] not found"),
    ],
)
def test_a_refusal_is_one_line_with_the_cause(flink: FlinkCluster, statement: str, said: str) -> None:
    with pytest.raises(FlinkError, match=said) as refused:
        flink.gateway.run([statement])
    assert "\n" not in str(refused.value)
    assert "Failed to fetchResults" not in str(refused.value)


def test_a_gateway_that_is_down_is_told_with_the_way_out() -> None:
    with pytest.raises(Unreachable, match=r"no SQL gateway answers at .*tidemill flink up"):
        Gateway(f"http://127.0.0.1:{free_ports(1)[0]}").version()
