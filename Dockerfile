# ses-inventory-exporter as a container image; docs/deploy/container.md says how to build, run and pin it.
# The digest is that of the image's index for all platforms. To take another base image, give both arguments;
# an empty PYTHON_DIGEST takes whatever the tag then is.
ARG PYTHON_IMAGE=docker.io/library/python:3.13.11-slim-bookworm
ARG PYTHON_DIGEST=@sha256:20080e807bfc404f8450b185cf0fc95d553462673598549613735f70a5b4d5d0

FROM ${PYTHON_IMAGE}${PYTHON_DIGEST} AS build
WORKDIR /build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
# what it runs on, from the hashed lock; before the sources, so that this layer is kept when only they change
COPY requirements.lock deploy/container/build.lock ./
RUN python3 -m venv /opt/ses-inventory-exporter \
 && /opt/ses-inventory-exporter/bin/pip install --no-deps --require-hashes --only-binary=:all: -r requirements.lock \
 && python3 -m venv /build/tools \
 && /build/tools/bin/pip install --no-deps --require-hashes --only-binary=:all: -r build.lock
# the wheel, then it alone; pip has done its work, and nobody else shall use it in there
COPY pyproject.toml README.md LICENSE ./
COPY exporter exporter
RUN /build/tools/bin/pip wheel --no-deps --no-index --no-build-isolation --wheel-dir dist . \
 && /opt/ses-inventory-exporter/bin/pip install --no-deps --no-index dist/*.whl \
 && /opt/ses-inventory-exporter/bin/pip check \
 && /opt/ses-inventory-exporter/bin/pip uninstall --yes --quiet pip setuptools \
 && mkdir state

FROM ${PYTHON_IMAGE}${PYTHON_DIGEST}
ARG VERSION=0.0.0
ARG REVISION=unknown
ARG SOURCE=
LABEL org.opencontainers.image.title="ses-inventory-exporter" \
      org.opencontainers.image.description="Prometheus exporter for TM Forum service (TMF638) and resource (TMF639) inventories" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.source="${SOURCE}"
COPY --from=build /opt/ses-inventory-exporter /opt/ses-inventory-exporter
# a new volume takes its owner from here
COPY --from=build --chown=10638:10638 /build/state /var/lib/ses-inventory-exporter
ENV PATH=/opt/ses-inventory-exporter/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    MALLOC_ARENA_MAX=2 \
    MALLOC_MMAP_THRESHOLD_=262144 \
    EXPORTER_REVISION=${REVISION}
USER 10638:10638
WORKDIR /var/lib/ses-inventory-exporter
EXPOSE 10638
HEALTHCHECK --interval=30s --timeout=10s --start-period=20s --retries=3 \
  CMD ["ses-inventory-exporter", "healthcheck"]
ENTRYPOINT ["ses-inventory-exporter"]
CMD ["serve", "--config.file", "/etc/ses-inventory-exporter/config.yaml"]
