"""Pipeline Guard heals red CI pipelines: it reads the failure, knows the cause, acts safely."""

__version__ = "0.1.0"
