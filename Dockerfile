# The site in production shape. Web, worker, beat and the others run this one image with different commands.
FROM python:3.11.15-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /venv
ENV PATH=/venv/bin:$PATH
COPY requirements.txt .
RUN pip install --require-hashes --only-binary :all: --requirement requirements.txt
WORKDIR /app
COPY . .
# Fingerprints and compresses the static files. This needs no secret and no database.
RUN ENVIRONMENT=production python manage.py collectstatic --no-input --verbosity 0

# The proxy in front: docker build --target nginx .
FROM nginx:1.30.5-trixie AS nginx
COPY deploy/nginx /etc/nginx/wallet
COPY --from=build /app/staticfiles /srv/static
USER nginx
EXPOSE 8080
ENTRYPOINT []
CMD ["nginx", "-c", "/etc/nginx/wallet/nginx.conf", "-g", "daemon off;"]

FROM python:3.11.15-slim-bookworm
RUN useradd --uid 10001 --no-create-home --home-dir /app --shell /usr/sbin/nologin wallet
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    ENVIRONMENT=production BIND=0.0.0.0:8000 INTERNAL_BIND=0.0.0.0:9464
COPY --from=build /venv /venv
COPY --from=build /app /app
WORKDIR /app
USER wallet
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "deploy/probe.py", "/livez"]
CMD ["gunicorn", "--config", "wallet_project/gunicorn.py", "wallet_project.wsgi"]
