# Any image with Python 3.11 or newer and its venv module; glibc, because wheels are for glibc.
ARG BASE=docker.io/library/python:3.13-slim-trixie

FROM ${BASE} AS build
WORKDIR /src
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
COPY requirements requirements
# A company's own index and certificates come in as the secret `pip`, a pip.conf: nothing of it stays.
# What only other packages' own tests need is left out: a fifth of the size.
RUN --mount=type=secret,id=pip,target=/etc/pip.conf \
    python3 -m venv --without-pip /opt/pipeline-guard \
    && python3 -m venv /opt/build \
    && /opt/build/bin/pip install -q --require-hashes --no-deps -r requirements/build.txt \
    && /opt/build/bin/pip --python /opt/pipeline-guard/bin/python install -q \
        --require-hashes --no-deps --only-binary :all: -r requirements/run.txt \
    && find /opt/pipeline-guard/lib/python3*/site-packages/pandas \
        /opt/pipeline-guard/lib/python3*/site-packages/scipy \
        /opt/pipeline-guard/lib/python3*/site-packages/sklearn \
        -type d -name tests -prune -exec rm -rf {} +
COPY LICENSE README.md pyproject.toml ./
COPY models models
COPY src src
RUN /opt/build/bin/pip wheel -q --no-deps --no-build-isolation --wheel-dir dist . \
    && /opt/build/bin/pip --python /opt/pipeline-guard/bin/python install -q --no-deps --no-index dist/*.whl

FROM ${BASE}
ARG VERSION=0.0.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Pipeline Guard" \
    org.opencontainers.image.description="A self-hosted bot that heals red CI pipelines" \
    org.opencontainers.image.licenses="Apache-2.0" \
    org.opencontainers.image.version="${VERSION}" \
    org.opencontainers.image.revision="${REVISION}"
RUN groupadd --gid 10001 guard \
    && useradd --uid 10001 --gid guard --no-log-init --no-create-home \
        --home-dir /var/lib/pipeline-guard --shell /usr/sbin/nologin guard \
    && install -d -o guard -g guard -m 0700 /var/lib/pipeline-guard
COPY --from=build /opt/pipeline-guard /opt/pipeline-guard
# Nothing is written outside DATA_DIR and /tmp, so the root file system can be read-only.
ENV PATH=/opt/pipeline-guard/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PIPELINE_GUARD_DATA_DIR=/var/lib/pipeline-guard \
    PIPELINE_GUARD_LOG_FORMAT=json
USER 10001:10001
WORKDIR /var/lib/pipeline-guard
VOLUME /var/lib/pipeline-guard
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/readyz', timeout=4)"]
ENTRYPOINT ["pipeline-guard"]
CMD ["serve", "--host", "0.0.0.0"]
