# The queue worked off without Lambda: docker build -t login-worker . && docker run --env-file worker.env login-worker
# The same image is the operator's command line: docker run --env-file … login-worker doctor
# Python 3.13.15 on Debian 13. `--build-arg BASE_IMAGE=…` takes another image.
ARG BASE_IMAGE=python:3.13-slim@sha256:7c61056e61ac89e852de05f3dc6fa51a6dd2181797bceed46aa725dd7cb2cd3b
FROM ${BASE_IMAGE}

WORKDIR /app
COPY ops/requirements.txt ops/requirements.txt
RUN pip install --no-cache-dir --require-hashes --only-binary :all: -r ops/requirements.txt \
    && useradd --system --no-create-home --uid 10001 worker
COPY lambda_src lambda_src
COPY ops ops
RUN python -m compileall -q lambda_src ops

USER worker
ENV PYTHONUNBUFFERED=1 POWERTOOLS_SERVICE_NAME=login-pipeline
# Touched after each poll that went well; polls take 5 seconds, a batch at most the queue's visibility timeout.
HEALTHCHECK --interval=30s --start-period=30s --retries=3 \
    CMD test -n "$(find /tmp/worker-is-well -mmin -3)"
# The worker ends with the batch in hand: docker stop -t 60
STOPSIGNAL SIGTERM
ENTRYPOINT ["python", "-m", "ops"]
CMD ["worker", "--health-file", "/tmp/worker-is-well"]
