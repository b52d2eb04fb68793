# One image for the API, workers and migrations: `docker run lookreel serve`, `worker`, `migrate`.
FROM python:3.13-slim AS build
WORKDIR /app
# requirements-otel.lock to send traces, too.
ARG LOCK=requirements.lock
COPY ${LOCK} ./requirements.lock
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir --require-hashes --no-deps -r requirements.lock
COPY . .
# Compiled here, since nothing can be written later.
RUN /venv/bin/pip install --no-cache-dir --no-deps --no-build-isolation --editable . \
    && python -m compileall -q /venv /app

FROM python:3.13-slim
RUN useradd --uid 10001 --home-dir /data --create-home --shell /usr/sbin/nologin lookreel
COPY --from=build /venv /venv
COPY --from=build /app /app
ENV PATH=/venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1 HOST=0.0.0.0 DATA_DIR=/data LOG_FORMAT=json
# As a number, so that an orchestrator sees that it is not root. Only /data and /tmp have to be writable.
USER 10001
WORKDIR /data
VOLUME /data
EXPOSE 8000
ENTRYPOINT ["lookreel"]
CMD ["serve"]
