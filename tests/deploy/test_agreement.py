"""What the operator's files say agrees with the product and with each other: commands, settings, ports, times."""

import re
import shlex
import tomllib
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from dataflow import errors
from dataflow.durations import to_ms
from runtime.endpoint import HEALTH, METRICS
from runtime.settings import PREFIX, SETTINGS, Settings, load_settings
from runtime.stall import Patience
from runtime.supervisor import KILL_AFTER_S, RESTART_EXIT_CODE
from serve.api.guard import OPEN
from tests.deploy import operated
from tests.deploy.operated import DEPLOY, ROOT, compose, container, manifests, ours, pod, said, settings_files, unit
from tests.test_readme import problem

PORT = 9464
SERVE_PORT = 8088
SERVER = "tidemill-serve"
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
COMMANDS = list(operated.commands())


def test_every_way_of_running_is_looked_at() -> None:
    where = {place for place, _ in COMMANDS}
    assert where >= {"Dockerfile", "compose.yaml:tidemill", "tidemill.service", "statefulset.yaml:tidemill"}
    assert where >= {"tidemill-compact.service", "compose.yaml:compaction", "tidemill.rules.yml"}
    assert where >= {"tidemill-serve.service", "compose.yaml:tidemill-serve", "statefulset.yaml:serve"}


@pytest.mark.parametrize(
    ("where", "words"), COMMANDS, ids=[f"{where}:{shlex.join(words)}" for where, words in COMMANDS]
)
def test_a_command_of_the_files_exists_with_its_flags(where: str, words: list[str]) -> None:
    assert problem(list(words)) is None, where
    given = dict(pairwise(words))
    for flag in {"--every", "--retain", "--thin", "--grace"} & given.keys():
        to_ms(given[flag])


@pytest.mark.parametrize("way", settings_files())
def test_the_settings_of_a_way_are_taken_by_a_run(way: str, tmp_path: Path) -> None:
    text = manifests()["ConfigMap"]["data"]["tidemill.toml"] if way == "kubernetes" else None
    (tmp_path / "tidemill.toml").write_text(text or (DEPLOY / way / "tidemill.toml").read_text())
    settings = load_settings(environ={}, folder=tmp_path)
    assert (settings.lake, settings.recovery) == (Path("/var/lib/tidemill/lake"), Path("/var/lib/tidemill/recovery"))
    assert (settings.metrics_port, settings.serve_port) == (PORT, SERVE_PORT)
    assert settings.metrics_host == ("127.0.0.1" if way == "systemd" else "0.0.0.0")
    assert (ROOT / settings.pipeline).is_file()


def test_a_variable_of_the_files_is_a_setting() -> None:
    given = {name: str(value) for service in ours().values() for name, value in service["environment"].items()}
    load_settings(environ=given)
    text = "".join(
        path.read_text() for path in sorted(DEPLOY.rglob("*")) if path.suffix in (".yaml", ".service", ".toml")
    )
    named = {name.partition("__")[0].lower() for name in re.findall(rf"\b{PREFIX}([A-Z]\w*)", text)}
    # what Kubernetes would set, and a run would refuse
    assert named - {"port"} <= SETTINGS.keys()


def test_the_port_is_the_same_everywhere() -> None:
    assert said("EXPOSE") == f"{PORT} {SERVE_PORT}"
    assert f"To('127.0.0.1', {PORT}," in said("HEALTHCHECK")
    assert ours()["tidemill"]["ports"] == [f"127.0.0.1:{PORT}:{PORT}"]
    (port,) = container()["ports"]
    assert (port["containerPort"], port["name"]) == (PORT, "metrics")
    (service,) = manifests()["Service"]["spec"]["ports"]
    assert (service["port"], service["targetPort"]) == (PORT, "metrics")
    scrape, servers = operated.scrapes()
    assert scrape["static_configs"] == [{"targets": [f"tidemill:{PORT}"]}]
    assert scrape["metrics_path"] == servers["metrics_path"] == METRICS
    assert (scrape["job_name"], servers["job_name"]) == ("tidemill", SERVER)


def test_a_server_is_called_by_one_name_and_port_everywhere() -> None:
    assert Settings().serve_port == SERVE_PORT
    assert ours()[SERVER]["ports"] == [f"127.0.0.1:{SERVE_PORT}:{SERVE_PORT}"]
    assert f"To('127.0.0.1', {SERVE_PORT}," in ours()[SERVER]["healthcheck"]["test"][-1]
    (port,) = container("serve")["ports"]
    assert (port["containerPort"], port["name"]) == (SERVE_PORT, "serve")
    (service,) = operated.serving()["spec"]["ports"]
    assert (service["port"], service["targetPort"]) == (SERVE_PORT, "serve")
    assert operated.serving()["metadata"]["name"] == SERVER
    assert operated.serving()["spec"]["selector"] == manifests()["Service"]["spec"]["selector"]
    _, servers = operated.scrapes()
    assert servers["static_configs"] == [{"targets": [f"{SERVER}:{SERVE_PORT}"]}]
    source = operated.data_source()
    assert source["url"] == f"http://{SERVER}:{SERVE_PORT}"
    assert source["jsonData"]["customHealthCheckUrl"] == f"http://{SERVER}:{SERVE_PORT}/readyz"
    for way in ("container", "kubernetes"):
        given = settings_files()[way]
        assert (given["serve_host"], given["serve_hosts"], given["serve_port"]) == ("0.0.0.0", SERVER, SERVE_PORT)


def test_a_servers_token_is_a_file_that_is_mounted_where_it_is_read() -> None:
    (compose_token,) = compose()["secrets"].items()
    assert compose_token == ("serve-token", {"file": "secrets/serve-token"})
    assert settings_files()["container"]["serve_token"] == "${file:/run/secrets/serve-token}"
    asking = [name for name, service in compose()["services"].items() if "secrets" in service]
    assert asking == [SERVER, "prometheus"]
    assert operated.scrapes()[1]["authorization"] == {"credentials_file": "/run/secrets/serve-token"}
    assert (DEPLOY / "container" / "secrets" / ".gitignore").read_text().splitlines()[1:] == ["*", "!.gitignore"]
    assert "deploy/container/secrets" in (ROOT / ".dockerignore").read_text().splitlines()
    (volume,) = [each for each in pod()["volumes"] if "secret" in each]
    (mount,) = [each for each in container("serve")["volumeMounts"] if each["name"] == volume["name"]]
    assert settings_files()["kubernetes"]["serve_token"] == f"${{file:{mount['mountPath']}/token}}"
    assert mount["readOnly"] is True
    # the run goes on without it
    assert (volume["secret"]["secretName"], volume["secret"]["optional"]) == (SERVER, True)
    assert volume["name"] not in {each["name"] for each in container()["volumeMounts"]}


def test_a_token_that_is_not_there_ends_a_server_and_no_run(tmp_path: Path) -> None:
    for text in (
        (DEPLOY / "container" / "tidemill.toml").read_text(),
        manifests()["ConfigMap"]["data"]["tidemill.toml"],
    ):
        token = tmp_path / "token"
        (tmp_path / "tidemill.toml").write_text(re.sub(r"\{file:[^}]*\}", f"{{file:{token}}}", text))
        settings = load_settings(environ={}, folder=tmp_path)
        with pytest.raises(errors.ConfigError, match=str(token)):
            settings.require_serve_token()
        token.write_text("0123456789abcdef" * 4 + "\n")
        assert settings.require_serve_token() == "0123456789abcdef" * 4
        token.unlink()


def test_a_servers_memory_holds_all_that_it_may_take() -> None:
    for way, limit in (
        ("container", int(ours()[SERVER]["mem_limit"].removesuffix("g"))),
        ("kubernetes", int(container("serve")["resources"]["limits"]["memory"].removesuffix("Gi"))),
    ):
        defaults, given = Settings(), settings_files()[way]
        each_bytes = given["serve_sql_memory_bytes"]
        # beside what is granted: the programs themselves, and the server's own work
        needs = defaults.serve_cache_bytes + defaults.serve_sql_children * (each_bytes + 2**28) + 2**29
        assert needs <= limit * 2**30 <= 1.5 * needs


def test_whoever_asks_for_health_asks_where_it_is_told() -> None:
    assert f"'{HEALTH}'" in said("HEALTHCHECK")
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert container()[probe]["httpGet"] == {"path": HEALTH, "port": "metrics"}
    assert "'/readyz'" in ours()[SERVER]["healthcheck"]["test"][-1]
    for probe, path in (("startupProbe", "/livez"), ("livenessProbe", "/livez"), ("readinessProbe", "/readyz")):
        assert container("serve")[probe]["httpGet"] == {"path": path, "port": "serve"}
        assert path in OPEN


def test_every_port_of_the_host_is_its_own_alone() -> None:
    bound = [port for service in compose()["services"].values() for port in service.get("ports", [])]
    assert len(bound) == 4
    assert [port for port in bound if not re.fullmatch(r"127\.0\.0\.1:(\d+):\1", port)] == []


def test_the_folders_that_must_not_be_lost_are_on_a_volume() -> None:
    assert said("VOLUME") == '["/var/lib/tidemill"]'
    # a reader's too, for writing: tests/deploy/test_readonly_mount.py
    for name in ("tidemill", "compaction", SERVER):
        assert ours()[name]["volumes"] == ["tidemill:/var/lib/tidemill"]
    for name in ("tidemill", "serve"):
        (data,) = [mount for mount in container(name)["volumeMounts"] if mount["name"] == "data"]
        assert data == {"name": "data", "mountPath": "/var/lib/tidemill"}
    (claim,) = manifests()["StatefulSet"]["spec"]["volumeClaimTemplates"]
    assert claim["metadata"]["name"] == "data"
    volume, storage = manifests()["PersistentVolume"]["spec"], manifests()["StorageClass"]
    assert claim["spec"]["storageClassName"] == volume["storageClassName"] == storage["metadata"]["name"]
    assert claim["spec"]["resources"]["requests"] == volume["capacity"]
    assert "local" in volume
    assert {volume["persistentVolumeReclaimPolicy"], storage["reclaimPolicy"]} == {"Retain"}
    for path in operated.UNITS:
        assert unit(path.name)["Service"]["StateDirectory"] == "tidemill"


def test_compiled_code_has_a_folder_that_can_be_written() -> None:
    assert "NUMBA_CACHE_DIR=/var/cache/tidemill" in said("ENV")
    for service in ours().values():
        assert any(each.startswith("/var/cache/tidemill:") for each in service["tmpfs"])
    for each in pod()["containers"]:
        assert "/var/cache/tidemill" in {mount["mountPath"] for mount in each["volumeMounts"]}
    for path in operated.UNITS:
        assert unit(path.name)["Service"]["Environment"] == "NUMBA_CACHE_DIR=/var/cache/tidemill"
        assert unit(path.name)["Service"]["CacheDirectory"] == "tidemill"


def test_a_run_that_is_asked_to_end_is_given_the_time_it_may_need() -> None:
    given = {operated.seconds(service["stop_grace_period"]) for service in ours().values()}
    given |= {pod()["terminationGracePeriodSeconds"]}
    given |= {operated.seconds(unit("tidemill.service")["Service"]["TimeoutStopSec"])}
    (grace_s,) = given
    defaults = Settings()
    gives_up_s = Patience(to_ms(defaults.stall_after) / 1000, defaults.epoch_ms / 1000).restart_s(0)
    assert gives_up_s is not None
    assert gives_up_s < grace_s
    assert grace_s > KILL_AFTER_S * 2
    assert said("STOPSIGNAL") == unit("tidemill.service")["Service"]["KillSignal"] == "SIGTERM"


def documented_codes() -> set[int]:
    table = (ROOT / "docs" / "operations.md").read_text().partition("| exit code |")[2].partition("\n\n")[0]
    return {int(code) for code in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)}


def test_the_unit_waits_for_somebody_after_the_exit_codes_that_another_start_cannot_cure() -> None:
    service = unit("tidemill.service")["Service"]
    stays = {int(code) for code in service["RestartPreventExitStatus"].split()}
    assert stays <= documented_codes()
    codes = {errors.ConfigError.exit_code, errors.PipelineError.exit_code, errors.RecoveryError.exit_code}
    assert stays == codes | {errors.LakeError.exit_code}
    assert errors.SourceError.exit_code not in stays
    assert RESTART_EXIT_CODE not in stays
    assert service["Restart"] == "on-failure"


def test_exit_codes_named_in_the_files_are_documented() -> None:
    texts = {path: path.read_text() for path in DEPLOY.rglob("*") if path.suffix in (".yaml", ".yml", ".service")}
    named = [
        int(code)
        for text in texts.values()
        for phrase in re.findall(r"exit code ((?:\d+(?:, | or | and )?)+)", text)
        for code in re.findall(r"\d+", phrase)
    ]
    assert len(named) >= 3
    assert set(named) <= documented_codes()
    comment = (DEPLOY / "systemd" / "tidemill.service").read_text()
    assert {int(code) for code in re.findall(r"\b(\d) \(", comment)} <= documented_codes()


def test_versions_are_pinned_and_those_of_the_project() -> None:
    images = {service["image"] for service in compose()["services"].values()}
    images |= {each["image"] for each in pod()["containers"]}
    assert {image for image in images if not re.search(r":v?\d+\.\d+\.\d+$", image)} == set()
    own = {image.partition(":")[2] for image in images if image.startswith("tidemill:")}
    assert own == {PROJECT["project"]["version"]}
    (kafka,) = {image.partition(":")[2] for image in images if image.startswith("apache/kafka:")}
    assert f"<kafka.version>{kafka}</kafka.version>" in (DEPLOY / "kafka" / "pom.xml").read_text()
    bases = [text.split()[0] for word, text in operated.instructions() if word == "FROM"]
    assert len(set(bases)) == 1
    version = re.fullmatch(r"python:(3)\.(\d+)\.\d+-slim-bookworm", bases[0])
    assert version is not None
    assert PROJECT["project"]["requires-python"] == ">=3.11,<3.13"
    assert int(version[2]) in (11, 12)
    assert f"tidemill:{PROJECT['project']['version']} ." in operated.DOCKERFILE.read_text()


def test_nobody_runs_as_root_and_the_number_is_one() -> None:
    assert said("USER") == "10001:10001"
    context = pod()["securityContext"]
    assert (context["runAsUser"], context["runAsGroup"], context["fsGroup"]) == (10001, 10001, 10001)
    assert context["runAsNonRoot"] is True
    for each in pod()["containers"]:
        rights = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
        assert each["securityContext"] == rights
    for service in ours().values():
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
        assert "/var/cache/tidemill:uid=10001,gid=10001,mode=0700" in service["tmpfs"]
    for path in operated.UNITS:
        assert unit(path.name)["Service"]["User"] == "tidemill"
    assert "u tidemill - " in (DEPLOY / "systemd" / "tidemill.sysusers").read_text()
