"""What answers to writes show of the objects they changed: reading back that costs no call.

PatchModels and PatchModelVersions answer with the whole objects as they are afterwards. Where such an object has every
wanted value, reading it again would tell the same. Where it hasn't, or isn't whole (an echo of what was sent has no time
of creation), it counts for nothing, and the object is read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from reconciler.remote.port import Reply
from reconciler.resources import Document, Key, Observed, ObservedModel, ObservedVersion, Request


@dataclass(frozen=True, slots=True)
class Shown:
    """The newest whole document of each object that an answer showed. Safe for several threads at once."""

    documents: dict[Key, Document] = field(default_factory=dict)

    def add(self, request: Request, reply: Reply) -> None:
        """Take note of an answer; what an answer before it showed of the same objects is out of date."""
        by_id = {document.get("id"): document for document in reply.documents if "created_at" in document}
        for key in request.keys:
            document = by_id.get(key.version_id or key.model_id)
            if document is None:
                self.documents.pop(key, None)
            else:
                self.documents[key] = document

    def observed(self) -> Observed:
        """The objects as read. A model of which only versions were shown has an empty document."""
        versions: dict[Key, list[ObservedVersion]] = defaultdict(list)
        models: dict[Key, Mapping[str, object]] = {}
        for key, document in sorted(self.documents.items()):
            if key.version_id:
                versions[key.model()].append(ObservedVersion(key=key, document=document))
            else:
                models[key] = document
        return Observed(
            models={
                key: ObservedModel(key=key, document=models.get(key, {}), versions=tuple(versions.get(key, ())))
                for key in sorted({*models, *versions})
            }
        )
