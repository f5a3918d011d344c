"""The manifests, as Kubernetes' own schemas and a run see them."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from dataflow.durations import to_ms
from dataflow.errors import ConfigError
from runtime.settings import Settings, load_settings
from runtime.stall import MAX_RESTARTS, Patience
from serve.api.health_routes import _LOOK_S
from tests.deploy.operated import MANIFESTS, container, manifests, pod, recovering, serving
from tests.deploy.test_container import tool

VERSIONS = ("1.32", "1.37")


def check(version: str, *paths: Path) -> str:
    """What the schemas of a version say; nothing where all is well."""
    done = tool("kubernetes-validate", "--strict", "--quiet", "--no-warn", "-k", version, *paths)
    assert (done.returncode == 0) == (done.stdout + done.stderr == "")
    return done.stdout + done.stderr


@pytest.mark.parametrize("version", VERSIONS)
def test_the_manifests_keep_to_the_schemas(version: str) -> None:
    assert check(version, *MANIFESTS) == ""


def test_a_field_that_does_not_exist_would_be_noticed(tmp_path: Path) -> None:
    careless = tmp_path / "statefulset.yaml"
    (text,) = [path.read_text() for path in MANIFESTS if path.name == "statefulset.yaml"]
    careless.write_text(text.replace("terminationGracePeriodSeconds", "terminationGraceSeconds"))
    assert "terminationGraceSeconds" in check(VERSIONS[-1], careless)


def test_one_run_writes_the_lake() -> None:
    spec = manifests()["StatefulSet"]["spec"]
    assert spec["replicas"] == 1
    assert spec["serviceName"] == manifests()["Service"]["metadata"]["name"]
    labels = spec["template"]["metadata"]["labels"]
    assert labels == spec["selector"]["matchLabels"] == manifests()["Service"]["spec"]["selector"]
    assert spec["volumeClaimTemplates"][0]["spec"]["accessModes"] == ["ReadWriteOnce"]


def test_what_kubernetes_sets_for_services_would_be_refused_and_is_left_out() -> None:
    with pytest.raises(ConfigError, match="TIDEMILL_PORT"):
        load_settings(environ={"TIDEMILL_PORT": "tcp://10.0.0.1:9464"})
    assert pod()["enableServiceLinks"] is False


def test_everything_that_is_mounted_is_there_and_nothing_else_can_be_written() -> None:
    given = {volume["name"] for volume in pod()["volumes"]} | {"data"}
    assert {mount["name"] for mount in container("serve")["volumeMounts"]} == given
    assert {mount["name"] for mount in container()["volumeMounts"]} == given - {"serve-token"}
    for each in pod()["containers"]:
        (settings,) = [mount for mount in each["volumeMounts"] if mount["name"] == "settings"]
        assert (settings["mountPath"], settings["readOnly"]) == ("/srv/tidemill/tidemill.toml", True)
        assert settings["subPath"] in manifests()["ConfigMap"]["data"]
    scratch = [mount["subPath"] for each in pod()["containers"] for mount in scratches(each)]
    assert len(scratch) == len(set(scratch)) == 4


def scratches(each: dict[str, Any]) -> list[dict[str, Any]]:
    """What a container puts aside."""
    return [mount for mount in each["volumeMounts"] if mount["name"] == "scratch"]


def test_a_run_has_minutes_to_open_its_source() -> None:
    startup = container()["startupProbe"]
    assert startup["periodSeconds"] * startup["failureThreshold"] == 300


def test_a_run_that_stands_still_may_first_try_all_that_it_does_itself() -> None:
    liveness, defaults = container()["livenessProbe"], Settings()
    stall_s, epoch_s = to_ms(defaults.stall_after) / 1000, defaults.epoch_ms / 1000
    tries_s = [Patience(stall_s, epoch_s, restarts).restart_s(0) or 0.0 for restarts in range(MAX_RESTARTS)]
    assert 15 * 60 < sum(tries_s) < 16 * 60
    assert liveness["periodSeconds"] * liveness["failureThreshold"] == 20 * 60


def test_a_run_that_is_not_ready_can_still_be_scraped_and_its_lake_asked() -> None:
    assert manifests()["Service"]["spec"]["publishNotReadyAddresses"] is True
    assert serving()["spec"]["publishNotReadyAddresses"] is True


def test_a_probe_waits_longer_than_a_server_looks() -> None:
    assert container("serve")["readinessProbe"]["timeoutSeconds"] > _LOOK_S


def test_the_recovery_runs_as_the_run_does_on_the_runs_own_claim() -> None:
    (job,) = recovering()["containers"]
    apart = {"args", "ports", "startupProbe", "livenessProbe", "readinessProbe"}
    assert {**job, "args": []} == {**{key: value for key, value in container().items() if key not in apart}, "args": []}
    (data, *others) = recovering()["volumes"]
    stateful = manifests()["StatefulSet"]
    claim = stateful["spec"]["volumeClaimTemplates"][0]["metadata"]["name"]
    assert data["persistentVolumeClaim"] == {"claimName": f"{claim}-{stateful['metadata']['name']}-0"}
    assert others == [volume for volume in pod()["volumes"] if volume["name"] != "serve-token"]
    shared = ("securityContext", "enableServiceLinks", "automountServiceAccountToken", "terminationGracePeriodSeconds")
    assert {key: recovering()[key] for key in shared} == {key: pod()[key] for key in shared}
    assert recovering()["restartPolicy"] == "Never"
    # nothing that is counted as the run, nor scraped as it
    labels = manifests()["Job"]["spec"]["template"]["metadata"]["labels"]
    assert labels != stateful["spec"]["selector"]["matchLabels"]
    assert stateful["spec"]["persistentVolumeClaimRetentionPolicy"]["whenScaled"] == "Retain"


def test_the_manifests_are_read_as_one_object_a_document() -> None:
    documents = [document for path in MANIFESTS for document in yaml.safe_load_all(path.read_text())]
    kinds = {"StorageClass", "PersistentVolume", "ConfigMap", "Service", "StatefulSet", "Job"}
    assert {document["kind"] for document in documents} == kinds
