ARG RELEASE
FROM ${RELEASE} AS release

FROM python:3.13-slim
COPY --from=release /app/.venv /app/.venv
COPY src /app/src
ENV PATH=/app/.venv/bin:$PATH PYTHONPATH=/app/src PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
USER 10001:10001
EXPOSE 8000
LABEL org.opencontainers.image.title=orders
ENTRYPOINT ["python", "-m", "orders"]
CMD []
