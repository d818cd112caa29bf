"""MkDocs' hooks: pages that live elsewhere in the repository, and the decisions in their order."""

import re
from pathlib import Path
from typing import Any

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
ELSEWHERE = {
    "platforms/github.md": "src/pipeline_guard/platforms/github/README.md",
    "platforms/gitlab.md": "src/pipeline_guard/platforms/gitlab/README.md",
    "platforms/buildbot.md": "src/pipeline_guard/platforms/buildbot/README.md",
    "kubernetes.md": "charts/pipeline-guard/README.md",
    "changes.md": "CHANGELOG.md",
}
REFERENCE = ROOT / "build/reference"


def on_config(config: Any) -> Any:
    """Put every decision into the navigation, so that a new one needs no entry."""
    section = next(item["Explanation"] for item in config.nav if "Explanation" in item)
    for entry in section:
        if "Decisions" in entry:
            found = sorted((ROOT / "docs/adr").glob("*.md"))
            entry["Decisions"] = [f"adr/{path.name}" for path in found]
    return config


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that are kept beside what they are about, and the generated reference."""
    written = sorted(REFERENCE.glob("*.md"))
    if not written:
        raise PluginError("build/reference is empty; run: python scripts/reference.py")
    pages = {name: (ROOT / source).read_text() for name, source in ELSEWHERE.items()}
    pages |= {f"reference/{path.name}": path.read_text() for path in written}
    for name, text in pages.items():
        files.append(File.generated(config, name, content=relinked(text, name.count("/"))))
    return files


def relinked(text: str, depth: int) -> str:
    """Links of a page kept elsewhere that lead into docs/, as seen from its place on the site."""
    return re.sub(r"\]\((?:\.\./)*docs/", f"]({'../' * depth}", text)
