"""The units: what a run needs of its surroundings is left to it, and nothing else."""

from tests.deploy.operated import TIMER, UNITS, unit

HARDENED = {
    "NoNewPrivileges": "yes",
    "CapabilityBoundingSet": "",
    "ProtectSystem": "strict",
    "ProtectHome": "yes",
    "PrivateTmp": "yes",
    "PrivateDevices": "yes",
    "ProtectKernelTunables": "yes",
    "ProtectKernelModules": "yes",
    "ProtectControlGroups": "yes",
    "RestrictSUIDSGID": "yes",
    "RestrictNamespaces": "yes",
    "SystemCallFilter": "@system-service",
}


WALLS = "seccomp landlock_create_ruleset landlock_add_rule landlock_restrict_self"
MORE_CALLS = {"tidemill-serve.service": f"@system-service {WALLS}"}
"""The processes that answer SQL give up rights themselves, by calls that have no name together in systemd 252."""


def test_there_is_a_run_a_compaction_and_a_server() -> None:
    names = ["tidemill-compact.service", "tidemill-serve.service", "tidemill.service"]
    assert [path.name for path in UNITS] == names


def test_every_unit_may_do_no_more_than_it_has_to() -> None:
    for path in UNITS:
        service = unit(path.name)["Service"]
        calls = MORE_CALLS.get(path.name, HARDENED["SystemCallFilter"])
        assert {key: service.get(key) for key in HARDENED} == {**HARDENED, "SystemCallFilter": calls}, path.name
        # compiled code is made at the start
        assert "MemoryDenyWriteExecute" not in service


def test_a_run_may_speak_with_its_broker_and_compaction_with_nobody() -> None:
    assert "AF_INET6" in unit("tidemill.service")["Service"]["RestrictAddressFamilies"]
    compaction = unit("tidemill-compact.service")["Service"]
    assert (compaction["PrivateNetwork"], compaction["RestrictAddressFamilies"]) == ("yes", "AF_UNIX")


def test_a_run_outlives_the_compactor_that_the_kernel_ends() -> None:
    assert unit("tidemill.service")["Service"]["OOMPolicy"] == "continue"
    assert unit("tidemill-compact.service")["Service"]["OOMScoreAdjust"] == "500"


def test_a_server_that_others_cannot_reach_waits_for_somebody_and_comes_after_the_run() -> None:
    service = unit("tidemill-serve.service")["Service"]
    assert service["ExecStart"].endswith(" serve")
    assert service["RestartPreventExitStatus"] == "2"
    assert int(service["OOMScoreAdjust"]) > 0
    assert int(service["Nice"]) > 0


def test_the_run_ends_its_children_itself() -> None:
    assert unit("tidemill.service")["Service"]["KillMode"] == "mixed"


def test_the_timer_starts_the_compaction_of_its_name() -> None:
    assert TIMER.with_suffix(".service") in UNITS
    assert unit(TIMER.name)["Install"]["WantedBy"] == "timers.target"
    assert unit("tidemill-compact.service")["Service"]["Type"] == "oneshot"
