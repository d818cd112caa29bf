"""Where the packages of others are; without them these tests are skipped."""

from pathlib import Path

import pytest

PACKAGES = Path(__file__).parents[2] / ".cache" / "contract"


@pytest.fixture(scope="session")
def packages() -> Path:
    """The folder that holds node_modules."""
    if not (PACKAGES / ".installed").exists():
        pytest.skip("the npm packages are not installed; run `make contract` (needs npm)")
    return PACKAGES
