"""The schema's history, run by Alembic."""

from typing import Final

HEAD: Final = "20261121_standing"
"""The newest revision, written down so that an up-to-date database needs no Alembic at start."""
