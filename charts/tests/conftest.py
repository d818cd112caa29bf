"""What the chart's tests share."""

import pytest

from rendering import Render, renderer


@pytest.fixture(scope="session")
def render() -> Render:
    """Renders the chart with layers of values into objects."""
    return renderer()
