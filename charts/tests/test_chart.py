"""The chart renders for every toggle into objects that Kubernetes takes and the strictest
pod security level admits.
"""

import re
from functools import reduce
from pathlib import Path

import helm_python as helm
import kubernetes_validate
import pytest
import yaml

from rendering import CHART, REQUIRED, merged, one, pods
from toggles import TOGGLES

ROOT = Path(__file__).parents[2]
CUSTOM = {"ScaledObject", "TriggerAuthentication", "ServiceMonitor", "PrometheusRule"}
"""Kinds that other products define; Kubernetes has no schema of them."""
EVERYTHING = reduce(merged, TOGGLES.values())
KUBERNETES = ("1.29", "1.33", "1.37")


@pytest.mark.parametrize("name", [*TOGGLES, "everything"])
def test_each_toggle_is_linted_and_valid_on_every_kubernetes(render, name):
    values = merged(REQUIRED, TOGGLES.get(name, EVERYTHING))
    report = helm.lint(CHART, values, strict=True, namespace="ci")
    worst = [found for found in report["messages"] if found["severity"] >= 2]
    assert (worst, report["errors"]) == ([], [])
    objects = render(values)
    for item in objects:
        if item["kind"] not in CUSTOM:
            for version in KUBERNETES:
                kubernetes_validate.validate(item, version, strict=True)
    names = [(item["kind"], item["metadata"]["name"]) for item in objects]
    assert len(names) == len(set(names))


def test_the_toggles_reach_every_switch_of_the_values():
    def switches(values, path=()):
        for key, value in values.items():
            if isinstance(value, dict):
                yield from switches(value, (*path, key))
            elif isinstance(value, bool) or value in ("", [], "none"):
                yield (*path, key)

    def says(layer, path):
        for key in path:
            if not isinstance(layer, dict) or key not in layer:
                return False
            layer = layer[key]
        return True

    values = yaml.safe_load((CHART / "values.yaml").read_text())
    plain = {("image", "tag"), *((key, "existingSecret") for key in REQUIRED)}
    unreached = [
        path
        for path in switches(values)
        if path not in plain and not any(says(layer, path) for layer in TOGGLES.values())
    ]
    assert unreached == []


@pytest.mark.parametrize("name", [*TOGGLES, "everything"])
def test_every_pod_fits_the_restricted_level(render, name):
    templates = pods(render(TOGGLES.get(name, EVERYTHING)))
    assert len(templates) >= 2
    for template in templates.values():
        spec = template["spec"]
        assert spec["automountServiceAccountToken"] is False
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(spec)
        assert all({"emptyDir", "configMap"} & set(volume) for volume in spec["volumes"])
        for container in spec["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert container["resources"]["limits"]["memory"]
            mounted = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
            assert mounted["tmp"] == "/tmp"
            assert set(mounted) == {volume["name"] for volume in spec["volumes"]}


def test_every_secret_of_the_settings_comes_from_a_secret(render):
    settings = (ROOT / "src/pipeline_guard/settings.py").read_text()
    secrets = {
        name.upper() for name in re.findall(r"^    (\w+): SecretStr", settings, re.MULTILINE)
    }
    assert "DATABASE_URL" in secrets
    env = pods(render(EVERYTHING))["healer-worker"]["spec"]["containers"][0]["env"]
    given = {item["name"].removeprefix("PIPELINE_GUARD_"): item for item in env}
    assert secrets - set(given) == set()
    assert [
        name for name in secrets if "secretKeyRef" not in given[name].get("valueFrom", {})
    ] == []


def test_what_the_chart_sets_are_settings_that_exist(render):
    settings = (ROOT / "src/pipeline_guard/settings.py").read_text()
    known = {name.upper() for name in re.findall(r"^    (\w+): ", settings, re.MULTILINE)}
    for template in pods(render(EVERYTHING)).values():
        for item in template["spec"]["containers"][0]["env"]:
            prefix, _, name = item["name"].partition("PIPELINE_GUARD_")
            assert prefix or name in known, f"{item['name']} is not a setting"


def test_the_migration_runs_before_everything_and_needs_nothing_of_the_chart(render):
    job = one(render(EVERYTHING, {"migrate": {"enabled": True}}), "Job")
    assert job["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
    spec = job["spec"]["template"]["spec"]
    assert "serviceAccountName" not in spec
    assert all("configMap" not in volume for volume in spec["volumes"])
    assert spec["containers"][0]["args"] == ["db", "upgrade"]


def test_links_lead_back_through_the_ingress_unless_told_otherwise(render):
    def public_url(*layers):
        env = pods(render(*layers))["guard-pipeline-guard-web"]["spec"]["containers"][0]["env"]
        return {item["name"]: item.get("value") for item in env}.get("PIPELINE_GUARD_PUBLIC_URL")

    assert public_url() is None
    assert public_url(TOGGLES["ingress"]) == "https://guard.example.org"
    assert public_url(TOGGLES["ingress"], {"publicUrl": "https://ci"}) == "https://ci"


def test_services_and_budgets_select_their_own_pods_only(render):
    objects = render(TOGGLES["network policy"])
    labels = {name: pod["metadata"]["labels"] for name, pod in pods(objects).items()}
    for item in objects:
        spec = item.get("spec", {})
        if item["kind"] == "Service":
            selector = spec["selector"]
        elif item["kind"] == "PodDisruptionBudget":
            selector = spec["selector"]["matchLabels"]
        elif item["kind"] == "NetworkPolicy":
            selector = spec["podSelector"]["matchLabels"]
        else:
            continue
        hit = [name for name, found in labels.items() if selector.items() <= found.items()]
        part = "worker" if item["metadata"]["name"].endswith("worker") else "web"
        assert hit == [f"guard-pipeline-guard-{part}"]


def test_a_changed_policy_makes_new_pods_and_an_unchanged_one_does_not(render):
    def checksum(policy):
        pod = pods(render({"policy": policy}))["guard-pipeline-guard-worker"]
        return pod["metadata"]["annotations"]["checksum/config"]

    assert checksum("max_reruns: 1\n") == checksum("max_reruns: 1\n")
    assert checksum("max_reruns: 1\n") != checksum("max_reruns: 2\n")


def test_what_scales_has_no_fixed_number_of_replicas(render):
    for toggle, part in (
        ("web scales", "web"),
        ("workers scale on cpu", "worker"),
        ("workers scale by keda", "worker"),
    ):
        objects = render(TOGGLES[toggle])
        assert "replicas" not in one(objects, "Deployment", part)["spec"]
        kind = "ScaledObject" if "keda" in toggle else "HorizontalPodAutoscaler"
        target = one(objects, kind)["spec"]["scaleTargetRef"]["name"]
        assert target == one(objects, "Deployment", part)["metadata"]["name"]


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({}, "database.existingSecret"),
        ({"database": {"existingSecret": "x"}}, "api.existingSecret"),
        (merged(REQUIRED, {"github": {"enabled": True}}), "existingSecret"),
        (merged(REQUIRED, {"ingress": {"enabled": True}}), "/ingress/hosts"),
        (merged(REQUIRED, {"mode": "heal"}), "mode"),
        (merged(REQUIRED, {"web": {"replica": 3}}), "replica"),
        (merged(REQUIRED, {"keep": {"deliveriesDays": 1}}), "deliveriesDays"),
    ],
)
def test_wrong_values_are_refused_with_the_key_that_is_wrong(render, values, told):
    with pytest.raises(helm.HelmError, match=told):
        render(values, required=False)


def test_the_chart_has_the_versions_of_the_product():
    about = yaml.safe_load((CHART / "Chart.yaml").read_text())
    product = re.search(
        r'"(.+)"', (ROOT / "src/pipeline_guard/__init__.py").read_text().split("=")[1]
    )
    assert product
    assert about["appVersion"] == about["version"] == product[1]
    assert f"pipeline-guard:{product[1]}" in about["annotations"]["artifacthub.io/images"]
