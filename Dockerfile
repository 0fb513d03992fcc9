# docker build -t plateau . && docker run -p 8080:8080 -v plateau:/data -e PLATEAU_AUTH=none plateau
#
# Its steps are make targets, which CI runs without Docker in the same order (e2e/dockerfile_test.go).

FROM node:22-bookworm AS web
WORKDIR /src
COPY Makefile ./
COPY web ./web
RUN make page

FROM golang:1.26-bookworm AS build
ARG VERSION
WORKDIR /src
COPY . ./
COPY --from=web /src/web/dist ./web/dist
RUN make binary VERSION=$VERSION && mkdir -p build/data

# Nothing but the program, and the certificates by which it knows whom it calls.
FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /src/build/plateau /plateau
COPY --from=build --chown=65532:65532 /src/build/data /data
USER 65532:65532
ENV PLATEAU_LISTEN=:8080 PLATEAU_DATA_DIR=/data
EXPOSE 8080
VOLUME /data
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s CMD ["/plateau", "healthcheck"]
ENTRYPOINT ["/plateau"]
