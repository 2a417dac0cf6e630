# An image with the command. Build it with `docker build --tag reconciler .`, and run it with
#
#     docker run --rm --user "$(id -u)" --env CLARIFAI_PAT --volume "$PWD:/work" reconciler plan models
#
# The base image is pinned by digest, packages are installed by hash from the lock files, and nothing is compiled. The image
# doesn't contain git, so `plan --base` doesn't work in it.
FROM python:3.12-slim@sha256:57cd7c3a7a273101a6485ba99423ee568157882804b1124b4dd04266317710de AS build
WORKDIR /source
# The time of the commit. With it, the wheel in the image is identical to the released one.
ARG SOURCE_DATE_EPOCH
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
COPY requirements/build.txt requirements/runtime.txt requirements/
RUN python -m venv /opt/build \
 && /opt/build/bin/python -m pip install --require-hashes --only-binary :all: --requirement requirements/build.txt \
 && python -m venv /opt/reconciler \
 && /opt/reconciler/bin/python -m pip install --require-hashes --only-binary :all: --requirement requirements/runtime.txt
COPY pyproject.toml README.md LICENSE ./
COPY scripts/readme.py scripts/
COPY schemas schemas
COPY reconciler reconciler
RUN /opt/build/bin/python -m hatchling build --target wheel \
 && /opt/reconciler/bin/python -m pip install --no-deps --no-index dist/*.whl \
 && /opt/reconciler/bin/python -m pip uninstall --yes pip \
 && /opt/reconciler/bin/reconciler --version

FROM python:3.12-slim@sha256:57cd7c3a7a273101a6485ba99423ee568157882804b1124b4dd04266317710de
COPY --from=build /opt/reconciler /opt/reconciler
ENV PATH=/opt/reconciler/bin:$PATH PYTHONDONTWRITEBYTECODE=1 HOME=/tmp
WORKDIR /work
USER 65532:65532
ENTRYPOINT ["reconciler"]
