"""`python -m pipeline_guard` is the command `pipeline-guard`."""

from pipeline_guard.cli import main

if __name__ == "__main__":
    main()
