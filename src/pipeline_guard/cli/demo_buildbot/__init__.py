"""The stage of `pipeline-guard demo`: a real Buildbot, a small repository, and their processes."""
