"""A service that quotes secrets in its errors: nothing of them is shown, whichever request they belong to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from clarifai_grpc.grpc.api import service_pb2
from google.protobuf.json_format import ParseDict

from tests.command_line import RunCli
from tests.remote.scripted_service import ScriptedService, failing, ok

CANARY = "canary-77d41a2d95a6"
VERSION = "c" * 32

MODEL = {
    "id": "names",
    "name": "names",
    "user_id": "demo",
    "app_id": "pets",
    "model_type_id": "text",
    "model_version": {"id": VERSION, "status": {"code": 21100}, "output_info": {"params": {"api_key": "old"}}},
}
TYPES = [
    {"id": "text", "model_type_fields": [{"path": "output_info.params.api_key", "field_type": "ENCRYPTED_STRING"}]}
]

MANIFEST = f"""
apiVersion: reconciler/v1
kind: Model
metadata: {{id: names, user_id: demo, app_id: pets}}
spec:
  name: new
  versions:
    - id: {VERSION}
      output_info: {{params: {{api_key: {CANARY}}}}}
"""


def answers(response: str, **fields: Any) -> Any:
    message = ParseDict(fields, getattr(service_pb2, response)())
    message.status.CopyFrom(ok())
    return lambda request, context: message


def refused(response: str) -> Any:
    message = getattr(service_pb2, response)()
    message.status.CopyFrom(failing(21202, description=f"{CANARY} is not valid", details=f'{{"api_key": "{CANARY}"}}'))
    return lambda request, context: message


@pytest.mark.parametrize("verbosity", [(), ("-vv",)])
def test_an_error_that_quotes_the_secret_of_another_request(
    verbosity: tuple[str, ...], cli: RunCli, tmp_path: Path
) -> None:
    (tmp_path / "m.yaml").write_text(MANIFEST, encoding="utf-8")
    with ScriptedService(
        GetModel=answers("SingleModelResponse", model=MODEL),
        ListModelTypes=lambda request, context: answers(
            "MultiModelTypeResponse", model_types=TYPES if request.page == 1 else []
        )(request, context),
        PatchModels=refused("MultiModelResponse"),
        PatchModelVersions=refused("MultiModelVersionResponse"),
    ) as service:
        endpoint = f"http://127.0.0.1:{service.port}"
        env = {"CLARIFAI_PAT": "x"}
        done = cli("apply", "m.yaml", "--yes", "--endpoint", endpoint, *verbosity, env=env, cwd=tmp_path)
    assert done.exit_code == 4, done
    assert "PatchModels" in done.stdout
    assert CANARY not in done.stdout + done.stderr
    written = [path.read_text(encoding="utf-8") for path in (tmp_path / ".reconciler").rglob("*") if path.is_file()]
    assert written
    assert CANARY not in "".join(written)
