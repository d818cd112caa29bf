"""Writes the chart's README from its values.yaml: every `# --` comment becomes a row."""

import json
import sys
from pathlib import Path

import yaml

CHART = Path(__file__).parents[1] / "charts/pipeline-guard"
HEAD = """# Pipeline Guard on Kubernetes

{description}. This chart runs it as web processes, which take
webhooks and show the dashboard, and workers, which diagnose and act; both scale out. It needs
Kubernetes {kube} and a PostgreSQL 14 or newer. Nothing in it holds a secret: each is read from a
Secret that you make.

```sh
kubectl create secret generic guard-database \\
  --from-literal=url='postgresql://user:password@host:5432/pipeline_guard'
kubectl create secret generic guard-api --from-literal=token="$(openssl rand -hex 32)" \\
  --from-literal=secret-key="$(openssl rand -hex 32)"
kubectl create secret generic guard-github --from-literal=token=github_pat_... \\
  --from-literal=webhook-secret="$(openssl rand -hex 32)"
helm install guard charts/pipeline-guard \\
  --set image.repository=registry.example.org/pipeline-guard \\
  --set database.existingSecret=guard-database --set api.existingSecret=guard-api \\
  --set github.enabled=true --set github.existingSecret=guard-github
```

A Secret that changed is read by new pods only: `kubectl rollout restart deployment -l
app.kubernetes.io/name=pipeline-guard`. While a secret is rotated it may list both values, separated
by a comma.

Before each install and upgrade a Job brings the database to the new schema; the pods of the version
before work on meanwhile. Pods fit the *restricted* pod security standard: not root, a read-only
root file system, no capabilities, no service account token.

## Values

| value | default | meaning |
|---|---|---|
"""


def rows(lines: list[str]) -> list[tuple[str, str]]:
    """(dotted key, what its comment says) of every documented key, in the file's order."""
    found: list[tuple[str, str]] = []
    path: list[tuple[int, str]] = []
    said: list[str] = []
    for line in lines:
        text = line.strip()
        if text.startswith("# -- "):
            said = [text.removeprefix("# -- ")]
        elif text.startswith("# ") and said:
            said.append(text.removeprefix("# "))
        elif text and not text.startswith("#") and ":" in text:
            indent = len(line) - len(line.lstrip())
            path = [(depth, name) for depth, name in path if depth < indent]
            path.append((indent, text.partition(":")[0]))
            if said:
                found.append((".".join(name for _, name in path), " ".join(said)))
                said = []
    return found


def readme() -> str:
    """The whole page."""
    text = (CHART / "values.yaml").read_text()
    about = yaml.safe_load((CHART / "Chart.yaml").read_text())
    values = yaml.safe_load(text)
    page = HEAD.format(
        description=about["description"],
        kube=about["kubeVersion"].removeprefix(">=").removesuffix(".0-0"),
    )
    for key, meaning in rows(text.splitlines()):
        default = values
        for part in key.split("."):
            default = default[part]
        page += f"| `{key}` | `{json.dumps(default)}` | {meaning} |\n"
    return page


if __name__ == "__main__":
    (Path(sys.argv[1]) if len(sys.argv) > 1 else CHART / "README.md").write_text(readme())
