"""Which scopes a call needs, by the options of its method in service.proto, and which calls a token may not make.

In: a call's name and the switches. Out: a refusal, or nothing. Tokens themselves have no scopes here: the switches
`missing_scopes` and `refused_calls` say what the one token in use lacks.
"""

from __future__ import annotations

from functools import cache

from clarifai_grpc.grpc.api import service_pb2
from clarifai_grpc.grpc.auth.scope import scope_pb2
from clarifai_grpc.grpc.auth.util import extension_pb2

from reconciler.emulator.answers import INSUFFICIENT_SCOPES, RefusedCallError
from reconciler.emulator.switches import Switches
from reconciler.errors import UsageError
from reconciler.resources.wording import nearest


@cache
def scopes_of(rpc: str) -> tuple[str, ...]:
    """The scopes that a token needs for a call (the method's option cl_depending_scopes), each once."""
    method = service_pb2.DESCRIPTOR.services_by_name["V2"].methods_by_name[rpc]
    numbers = method.GetOptions().Extensions[extension_pb2.cl_depending_scopes]
    return tuple(dict.fromkeys(scope_pb2.S.Name(number) for number in numbers))


def require_scopes(rpc: str, switches: Switches) -> None:
    """Refuse a call that the token lacks a scope for. The wording of the details is a guess."""
    needed = scopes_of(rpc)
    if rpc in switches.refused_calls:
        reason = f"{rpc} needs the scopes {', '.join(needed)}" if needed else f"the token may not make the call {rpc}"
        raise RefusedCallError(INSUFFICIENT_SCOPES, reason)
    lacking = [scope for scope in needed if scope in switches.missing_scopes]
    if lacking:
        raise RefusedCallError(INSUFFICIENT_SCOPES, f"{rpc} needs the scopes {', '.join(lacking)}")


def require_known_names(switches: Switches) -> None:
    """Raise UsageError where a switch names a call or a scope that the service does not have."""
    known = {
        "refused_calls": {method.name for method in service_pb2.DESCRIPTOR.services_by_name["V2"].methods},
        "missing_scopes": set(scope_pb2.S.keys()),
    }
    for switch, names in known.items():
        for name in getattr(switches, switch):
            if name not in names:
                near = nearest(name, names)
                hint = f"Did you mean {near}?" if near else "Use the names of service.proto and scope.proto."
                raise UsageError(f"switch {switch}={name} is not known. {hint}")
