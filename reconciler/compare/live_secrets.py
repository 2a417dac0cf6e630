"""Which params of live versions are secret: asks the service's model types, and only where there are params at all.

In: versions as read. Out: Secrets that conceal them. A failed read of the types raises: what can't be told apart from a
secret is not shown.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from reconciler.compare.params.fields import fields_for, sensitive_params
from reconciler.remote.port import Remote
from reconciler.resources.keys import Key, Scope
from reconciler.resources.observed import Document, ObservedModel
from reconciler.resources.secrets import PARAMS, Secrets
from reconciler.resources.tree import lookup

Versions = Mapping[Key, tuple[str, Document]]
"""Versions by key: the id of their model's type ("" where it isn't known), and a document that may hold params."""


def read_secrets(remote: Remote, scope: Scope, versions: Versions) -> Secrets:
    """Which params of these versions are secret. Raises RemoteError where the model types can't be read."""
    if not any(_has_params(document) for _, document in versions.values()):
        return Secrets()
    return secrets_of(remote.list_model_types(scope), versions)


def read_secrets_of_models(remote: Remote, models: Collection[ObservedModel]) -> Secrets:
    """`read_secrets` for every version that these models were read with."""
    versions = {
        version.key: (model.model_type_id, version.document)
        for model in models
        for version in model.versions_by_id.values()
    }
    return read_secrets(remote, next(iter(models)).key.scope, versions) if versions else Secrets()


def secrets_of(types: Iterable[Document], versions: Versions) -> Secrets:
    """Which params of these versions their types and their own params_specs declare secret.

    For a version whose type isn't known, what any type declares secret counts as secret.
    """
    by_id = {str(document.get("id")): document for document in types}
    anywhere = frozenset(name for each in by_id.values() for name in sensitive_params(fields_for(each, None)))

    def params_of(key: Key) -> frozenset[str]:
        type_id, document = versions[key]
        found = sensitive_params(fields_for(by_id.get(type_id), document))
        return found if type_id in by_id else found | anywhere

    return Secrets(params_of=params_of)


def _has_params(document: Document) -> bool:
    params = lookup(document, PARAMS)
    return isinstance(params, Mapping) and bool(params)
