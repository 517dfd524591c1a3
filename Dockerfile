# The image of foretell: `docker build -t foretell .`, then `docker run foretell --help`.
# Both stages are of the same Debian, since the binary uses its libraries.
ARG BASE=debian:bookworm-slim

FROM ${BASE} AS build
WORKDIR /src
# Before the sources, so that a change to them does not build librdkafka again.
COPY tools/setup tools/
RUN tools/setup build
COPY . .
RUN make && strip --strip-debug build/foretell

FROM ${BASE}
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates tzdata \
        coinor-libclp1 libavro23 libcurl4 libjansson4 libjemalloc2 liblz4-1 liblzma5 \
        libmicrohttpd12 librocksdb7.8 \
        libsasl2-2 libsasl2-modules libsasl2-modules-gssapi-mit libssl3 libzstd1 zlib1g \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /var/lib/foretell --create-home foretell
COPY --from=build /src/build/foretell /usr/local/bin/foretell
COPY --from=build /src/LICENSE /src/deps/librdkafka/share/LICENSES.txt \
    /usr/share/doc/foretell/
USER foretell
WORKDIR /var/lib/foretell
# The local state: a volume spares a restart the way over Kafka, and may be lost.
ENV FORETELL_STATE_DIR=/var/lib/foretell
VOLUME /var/lib/foretell
STOPSIGNAL SIGTERM
ENTRYPOINT ["foretell"]
CMD ["--help"]
