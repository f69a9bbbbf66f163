# The base, so that another build of Python 3.11 or newer can take its place.
ARG BASE=docker.io/library/python:3.13-slim

FROM ${BASE} AS build
WORKDIR /src
# What builds the wheel stays in /build; what runs is in /opt/poller, which has no pip.
RUN python3 -m venv /build && python3 -m venv --without-pip /opt/poller
COPY requirements-build.txt requirements.txt ./
RUN /build/bin/pip install --no-cache-dir --require-hashes -r requirements-build.txt \
 && /build/bin/pip --python /opt/poller/bin/python install --no-cache-dir --no-compile --require-hashes -r requirements.txt
COPY pyproject.toml README.md LICENSE ./
COPY poller poller
RUN /build/bin/pip wheel --no-cache-dir --no-deps --no-build-isolation --no-index --wheel-dir /wheel . \
 && /build/bin/pip --python /opt/poller/bin/python install --no-compile --no-deps --no-index /wheel/*.whl \
 && /opt/poller/bin/python -m compileall -q --invalidation-mode unchecked-hash /opt/poller/lib

FROM ${BASE}
# The commit that it is built from: --build-arg REVISION="$(git rev-parse HEAD)"
ARG REVISION=unknown
LABEL org.opencontainers.image.title="uphone-job-poller" \
      org.opencontainers.image.description="Reports the end of every UCloud UPhone job, and serves metrics of them" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.licenses="Apache-2.0"
# No installer is left: pip itself, and the wheels that venv would make one of.
# The base has no bytecode, and a read-only root never gets any: without it each health check would compile the same again.
RUN rm -rf "$(python3 -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"/pip* /usr/local/bin/pip* \
 && find /usr -xdev -name '*.whl' -delete \
 && python3 -m compileall -q --invalidation-mode unchecked-hash -x '/(ensurepip|idlelib|test|tkinter|turtledemo)/' \
    "$(python3 -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')"
COPY --from=build /opt/poller /opt/poller
# A new volume takes the owner of what it is mounted over.
RUN install -d -o 65532 -g 65532 /var/lib/poller
ENV PATH=/opt/poller/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1
USER 65532:65532
EXPOSE 10766
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s --retries=3 CMD ["poller", "health"]
ENTRYPOINT ["poller"]
CMD ["run"]
