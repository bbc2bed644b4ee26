# syntax=docker/dockerfile:1
# docker build -t ripcord:0.1.0 .
# `ripcord` with the clients that restores need. Runs as 65532, with a read-only root and nothing writable but /tmp.
FROM debian:bookworm-slim AS build
ENV DEBIAN_FRONTEND=noninteractive
WORKDIR /src
COPY .ci/packages.txt .ci/packages.txt
# The packages under "# build".
RUN apt-get update \
 && apt-get install -y --no-install-recommends \
      $(awk '/^#/ { part = $2 } /^[a-z]/ && part == "build"' .ci/packages.txt) \
 && rm -rf /var/lib/apt/lists/*
COPY CMakeLists.txt CMakePresets.json ./
COPY cmake cmake
COPY crds crds
COPY manifests/simulation manifests/simulation
COPY controller controller
COPY adapters adapters
RUN cmake --preset release -DRIPCORD_TESTS=OFF -DRIPCORD_BENCH=OFF \
 && cmake --build --preset release --target ripcord ripcord-adapter \
 && strip build/release/bin/ripcord build/release/bin/ripcord-adapter

FROM debian:bookworm-slim
ENV DEBIAN_FRONTEND=noninteractive
# Shared libraries; then pg_restore, psql and pg_dump 15, and sqlite3.
RUN apt-get update \
 && apt-get install -y --no-install-recommends \
      ca-certificates \
      libcpprest2.10 \
      libfmt9 \
      libpg-query1504.0 \
      libpq5 \
      libprometheus-cpp-core1.0 \
      libsqlite3-0 \
      libssl3 \
      libyaml-cpp0.7 \
      postgresql-client-15 \
      sqlite3 \
 && rm -rf /var/lib/apt/lists/* \
 && groupadd --gid 65532 ripcord \
 && useradd --uid 65532 --gid 65532 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin ripcord
COPY --from=build /src/build/release/bin/ripcord /src/build/release/bin/ripcord-adapter /usr/local/bin/
COPY LICENSE /usr/share/doc/ripcord/LICENSE
USER 65532:65532
WORKDIR /tmp
EXPOSE 8016 8080 8081
ENTRYPOINT ["ripcord"]
CMD ["run", "--in-cluster", "--leader-elect", "--api-bind-address=0"]
