# The extractor service. Not built in this project's own CI, which has no engine: a test runs these very steps in a
# clean folder instead (tests/test_docker.py).
FROM python:3.11-slim AS build
WORKDIR /src
COPY docker/extractor.lock docker/accelerate.lock docker/
RUN python -m venv /opt/metaextract
RUN /opt/metaextract/bin/pip install --quiet --no-cache-dir --require-hashes -r docker/extractor.lock
# The engine compiled, which halves its time; `--build-arg ACCELERATE=` leaves it in Python. What builds it stays behind.
ARG ACCELERATE=1
RUN if [ -n "$ACCELERATE" ]; then apt-get update -qq && apt-get install -y -qq --no-install-recommends gcc libc6-dev && python -m venv /opt/build && /opt/build/bin/pip install --quiet --no-cache-dir --require-hashes -r docker/accelerate.lock; fi
COPY . .
RUN if [ -n "$ACCELERATE" ]; then METAEXTRACT_ACCELERATE=1 /opt/build/bin/pip wheel --quiet --no-deps --no-build-isolation -w /opt/wheels . && /opt/metaextract/bin/pip install --quiet --no-cache-dir --no-deps --no-index /opt/wheels/*.whl; else /opt/metaextract/bin/pip install --quiet --no-cache-dir --no-deps --no-build-isolation .; fi

FROM python:3.11-slim
COPY --from=build /opt/metaextract /opt/metaextract
RUN install -d -o 10001 -g 10001 -m 700 /var/lib/metaextract
USER 10001:10001
ENV METAEXTRACT_EXTRACTOR_ADDRESS=0.0.0.0:50051
ENV METAEXTRACT_SPOOL_DIRECTORY=/var/lib/metaextract/spool
EXPOSE 50051
HEALTHCHECK --interval=10s --timeout=6s --start-period=20s CMD ["/opt/metaextract/bin/metaextract", "health", "localhost:50051", "--service", "metaextract.extractor.v1.ExtractorService"]
ENTRYPOINT ["/opt/metaextract/bin/metaextract-extractor"]
