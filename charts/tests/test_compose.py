"""compose.yaml starts what the service needs, in an order that works, with no secret in it."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES = COMPOSE["services"]
OURS = ("migrate", "web", "worker")
NOT_HANDED_ON = {"DATA_DIR", "LOG_FORMAT"}
"""What the image sets."""


def run(command: list[str | Path], env: dict[str, str] | None = None) -> Any:
    return subprocess.run(command, env=env, check=False, capture_output=True, text=True)


def settings() -> set[str]:
    text = (ROOT / "src/pipeline_guard/settings.py").read_text()
    return {name.upper() for name in re.findall(r"^    (\w+): ", text, re.MULTILINE)}


def test_it_has_the_whole_service():
    assert set(SERVICES) == {*OURS, "postgres", "redis", "prometheus", "grafana"}


def test_every_setting_is_handed_on_and_nothing_else():
    for name in OURS:
        given = {key.removeprefix("PIPELINE_GUARD_") for key in SERVICES[name]["environment"]}
        assert given == settings() - NOT_HANDED_ON


def test_no_secret_stands_in_it():
    for service in SERVICES.values():
        for key, value in (service.get("environment") or {}).items():
            if value and re.search(r"TOKEN|SECRET|PASSWORD|KEY|DATABASE_URL", key):
                assert re.search(r"\$\{\w+:[?-]", value), key


def test_whoever_is_waited_for_says_when_it_is_ready():
    for name, service in SERVICES.items():
        for other, how in service.get("depends_on", {}).items():
            condition = how["condition"]
            assert condition in ("service_healthy", "service_completed_successfully"), name
            if condition == "service_healthy":
                assert SERVICES[other]["healthcheck"]["test"]
    assert all("healthcheck" in SERVICES[name] for name in SERVICES if name != "web")
    assert "HEALTHCHECK" in (ROOT / "Dockerfile").read_text()  # web's


def test_redis_is_waited_for_by_nobody_and_keeps_nothing():
    assert all("redis" not in service.get("depends_on", {}) for service in SERVICES.values())
    assert "volumes" not in SERVICES["redis"]
    command = SERVICES["redis"]["command"]
    assert command[command.index("--maxmemory-policy") + 1] == "allkeys-lru"


def test_our_containers_have_no_rights_and_nothing_is_open_to_the_network():
    for name in OURS:
        assert SERVICES[name]["read_only"] is True
        assert SERVICES[name]["cap_drop"] == ["ALL"]
    ports = [port for service in SERVICES.values() for port in service.get("ports", ())]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_the_files_that_are_mounted_exist():
    for service in SERVICES.values():
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            assert source in COMPOSE["volumes"] or (ROOT / source).exists(), source


def test_prometheus_scrapes_the_ports_that_listen():
    config = yaml.safe_load((ROOT / "deploy/prometheus.yaml").read_text())
    targets = config["scrape_configs"][0]["static_configs"][0]["targets"]
    assert targets == ["web:8000", "worker:9100"]
    assert SERVICES["worker"]["command"][-1] == "9100"
    assert SERVICES["web"]["ports"] == ["127.0.0.1:8000:8000"]


def test_compose_itself_takes_it(tmp_path):
    # The plugin first; the older program of its own is what Debian packages.
    for words in (["docker", "compose"], ["docker-compose"]):
        program = shutil.which(words[0])
        if program and run([*words, "version"]).returncode == 0:
            break
    else:
        pytest.skip("neither `docker compose` nor `docker-compose` is on this machine")
    env = {"PATH": "/usr/bin:/bin:/usr/local/bin", "HOME": str(tmp_path)}
    none = tmp_path / "none.env"
    none.touch()
    options = ["--project-directory", ROOT, "-f", ROOT / "compose.yaml", "--env-file", none]
    command = [*words, *options, "config"]
    refused = run(command, env)
    assert refused.returncode != 0
    assert "set it to a long random value" in refused.stderr
    env |= {"POSTGRES_PASSWORD": "p", "PIPELINE_GUARD_API_TOKEN": "t"}
    env["PIPELINE_GUARD_SECRET_KEY"] = "k"
    done = run(command, env)
    assert done.returncode == 0, done.stderr
    shown = yaml.safe_load(done.stdout)["services"]["web"]["environment"]
    assert shown["PIPELINE_GUARD_API_TOKEN"] == "t"
    assert shown["PIPELINE_GUARD_DATABASE_URL"].startswith("postgresql://guard:p@postgres")


def test_prometheus_takes_its_configuration(tmp_path):
    if not shutil.which("promtool"):
        pytest.skip("no promtool on this machine: Debian's package `prometheus` has it")
    for source in ("deploy/prometheus.yaml", "charts/pipeline-guard/files/alerts.yaml"):
        shutil.copy(ROOT / source, tmp_path)
    subprocess.run(["promtool", "check", "config", tmp_path / "prometheus.yaml"], check=True)


def test_the_dockerfile_is_clean():
    hadolint = shutil.which("hadolint", path=f"{ROOT}/.venv-ship/bin") or shutil.which("hadolint")
    if hadolint is None:
        pytest.skip("there is no hadolint for this platform")
    subprocess.run([hadolint, ROOT / "Dockerfile"], check=True)
