"""The manifests: built by kustomize, valid for eleven versions of Kubernetes, and right about our services."""

import subprocess
from pathlib import Path

import pytest
import yaml

from cache_service.settings import Settings as CacheSettings
from extractor_service.settings import Settings as ExtractorSettings
from service_runtime.configuration import load
from tests.support.optional import PROGRAMS, needs

FOLDER = Path(__file__).parents[2] / "docker" / "kubernetes"
OVERLAYS = ("single-node", "fleet")
VERSIONS = [f"1.{minor}" for minor in range(27, 38)]
SETTINGS = {"cache": CacheSettings, "extractor": ExtractorSettings}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Path and documents of each overlay."""
    folder, found = tmp_path_factory.mktemp("kustomize"), {}
    for overlay in OVERLAYS:
        path = folder / f"{overlay}.yaml"
        command = [PROGRAMS["kustomize"].path, "build", str(FOLDER / "overlays" / overlay), "-o", str(path)]
        subprocess.run(command, check=True, capture_output=True, text=True)
        found[overlay] = (path, list(yaml.safe_load_all(path.read_text())))
    return found


@needs("kustomize")
@needs("kubernetes-validate")
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_manifests_are_valid_for_each_version(built, overlay):
    for version in VERSIONS:
        command = [PROGRAMS["kubernetes-validate"].path, "-k", version, "--strict", "--no-warn", "--quiet"]
        run = subprocess.run([*command, str(built[overlay][0])], capture_output=True, text=True)
        assert run.returncode == 0, f"{version}: {run.stdout}{run.stderr}"


@needs("kustomize")
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_pods_are_closed_and_leave_in_time(built, overlay):
    pods = [each for each in built[overlay][1] if each["kind"] in {"Deployment", "StatefulSet"}]
    assert len(pods) == 2
    for each in pods:
        pod = each["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        assert (
            pod["securityContext"]["runAsNonRoot"] and container["securityContext"]["readOnlyRootFilesystem"]
        )
        assert container["securityContext"]["capabilities"]["drop"] == ["ALL"]
        assert pod["enableServiceLinks"] is False
        assert container["resources"]["limits"]["memory"] == container["resources"]["requests"]["memory"]
        settings = load(
            SETTINGS[container["name"]], {}, {}, str(FOLDER / "base" / f"{container['name']}.toml")
        ).settings
        before_stop = 5
        assert (
            pod["terminationGracePeriodSeconds"]
            > before_stop + settings.drain_seconds + settings.shutdown_grace_seconds
        )
        ports = {port["name"]: port["containerPort"] for port in container["ports"]}
        for probe, service in (
            ("startupProbe", "readiness"),
            ("readinessProbe", "readiness"),
            ("livenessProbe", "liveness"),
        ):
            assert container[probe]["grpc"] == {"port": ports["grpc"], "service": service}
        names = {each["name"] for each in pod["volumes"]} | (
            {"data"} if each["kind"] == "StatefulSet" else set()
        )
        assert {mount["name"] for mount in container["volumeMounts"]} <= names


@needs("kustomize")
def test_what_is_scaled_by_is_a_metric_and_replicas_are_left_to_it(built):
    from extractor_service.metrics import METRICS, PREFIX

    documents = built["fleet"][1]
    (scaler,) = [each for each in documents if each["kind"] == "HorizontalPodAutoscaler"]
    names = {PREFIX + metric.name for metric in METRICS}
    assert {each["pods"]["metric"]["name"] for each in scaler["spec"]["metrics"]} <= names
    (extractor,) = [each for each in documents if each["kind"] == "Deployment"]
    assert "replicas" not in extractor["spec"]


@pytest.mark.parametrize("service", SETTINGS)
def test_settings_are_good(service):
    settings = load(SETTINGS[service], {}, {}, str(FOLDER / "base" / f"{service}.toml")).settings
    assert settings.drain_seconds == 10


def test_compose_has_what_it_names():
    text = yaml.safe_load((FOLDER.parent / "compose.yaml").read_text())
    for service in text["services"].values():
        for volume in service.get("volumes", []):
            source = volume.partition(":")[0]
            assert source in text["volumes"] or (FOLDER.parent / source).exists(), source
