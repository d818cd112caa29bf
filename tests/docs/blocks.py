"""The commands that the documentation shows, read out of its pages."""

import re
import textwrap
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "src").rglob("README.md"),
        ROOT / "charts/pipeline-guard/README.md",
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
    ]
)
_BLOCK = re.compile(
    r"^(?P<indent> *)```(?:sh|bash|shell|console)\n(?P<text>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block of commands."""

    page: str
    line: int
    text: str


def blocks(page: Path) -> list[Block]:
    """All blocks of a page, in their order."""
    text = page.read_text()
    name = str(page.relative_to(ROOT))
    return [
        Block(name, text.count("\n", 0, found.start()) + 1, textwrap.dedent(found["text"]))
        for found in _BLOCK.finditer(text)
    ]


EVERY = [block for page in PAGES for block in blocks(page)]
ELSEWHERE = {
    "docs/deploying.md": ("tests/engine/test_compose.py", "engine"),
    "charts/pipeline-guard/README.md": ("charts/tests/test_readme.py", "ship"),
}
"""Pages whose commands need what other tests do not: the test that runs them, and its target."""
