# Docker image of the service.
#
#   docker build --tag relations .
#   docker run --publish 127.0.0.1:8000:8000 --volume "$PWD/training/joint/model-best:/model:ro" relations
#
# to include the model:      --build-arg MODEL=training/joint/model-best
# for a GPU (CUDA 13):      --build-arg EXTRAS=service,trf,cuda
#                           docker run --gpus all --env REL_COMPONENT_GPU=1 ...
ARG PYTHON=3.12
FROM python:${PYTHON}-slim
ARG EXTRAS=service
# no model by default: mount one at /model
ARG MODEL=training/.gitkeep

RUN useradd --create-home --uid 10001 service
WORKDIR /app
COPY pyproject.toml README.md LICENSE ./
COPY rel_component rel_component
RUN pip install --no-cache-dir ".[${EXTRAS}]"
COPY scripts/command.py scripts/serve.py scripts/
COPY ${MODEL} /model/

USER service
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/ready', timeout=4)"]
# on all addresses of the container; use --publish to restrict access
CMD ["python", "scripts/serve.py", "/model", "--host", "0.0.0.0", "--port", "8000"]
