# The queue worked off without Lambda: docker build -t login-worker . && docker run --env-file worker.env login-worker
# The same image is the operator's command line: docker run --env-file … login-worker doctor
# Python 3.13.15 on Debian 13. `--build-arg BASE_IMAGE=…` takes another image.
ARG BASE_IMAGE=python:3.13-slim@sha256:7c61056e61ac89e852de05f3dc6fa51a6dd2181797bceed46aa725dd7cb2cd3b
FROM ${BASE_IMAGE}

LABEL org.opencontainers.image.title="login masking pipeline" org.opencontainers.image.version="0.2.0"
WORKDIR /app
COPY ops/requirements.txt ops/init.txt ops/
RUN pip install --no-cache-dir --require-hashes --only-binary :all: -r ops/requirements.txt -r ops/init.txt \
    && printf '#!/bin/sh\nexec python -m ops "$@"\n' > /usr/local/bin/loginpipe
COPY lambda_src lambda_src
COPY ops ops
# The files of a checkout may be closed to others.
RUN python -m compileall -q lambda_src ops && chmod -R a+rX . && chmod 755 /usr/local/bin/loginpipe

# A number: Kubernetes cannot tell of a name that it is not root's.
USER 10001:10001
ENV PYTHONUNBUFFERED=1 PYTHONPATH=/app POWERTOOLS_SERVICE_NAME=login-pipeline
# Only for a worker, which touches the file after each poll that went well. Polls take 5 seconds, a batch at most the
# queue's visibility timeout.
HEALTHCHECK --interval=30s --start-period=30s --retries=3 \
    CMD ! grep -q /tmp/worker-is-well /proc/1/cmdline || test -n "$(find /tmp/worker-is-well -mmin -3)"
# The worker ends with the batch in hand: docker stop -t 60
STOPSIGNAL SIGTERM
# As process 1, a program ignores each signal that it does not handle itself: the init process passes them on.
ENTRYPOINT ["dumb-init", "--", "loginpipe"]
CMD ["worker", "--health-file", "/tmp/worker-is-well"]
