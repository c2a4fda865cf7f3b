# The cache service. Not built in this project's own CI, which has no engine: a test runs these very steps in a clean
# folder instead (tests/test_docker.py).
FROM python:3.11-slim AS build
WORKDIR /src
COPY docker/cache.lock docker/
RUN python -m venv /opt/metaextract
RUN /opt/metaextract/bin/pip install --quiet --no-cache-dir --require-hashes -r docker/cache.lock
COPY . .
RUN /opt/metaextract/bin/pip install --quiet --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.11-slim
COPY --from=build /opt/metaextract /opt/metaextract
RUN install -d -o 10001 -g 10001 -m 700 /var/lib/metaextract
USER 10001:10001
ENV METAEXTRACT_CACHE_ADDRESS=0.0.0.0:50052
ENV METAEXTRACT_CACHE_DIRECTORY=/var/lib/metaextract/cache
EXPOSE 50052
HEALTHCHECK --interval=10s --timeout=6s --start-period=20s CMD ["/opt/metaextract/bin/metaextract", "health", "localhost:50052", "--service", "metaextract.cache.v1.ResultService"]
ENTRYPOINT ["/opt/metaextract/bin/metaextract-cache"]
