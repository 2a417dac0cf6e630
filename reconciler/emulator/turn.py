"""One call being served: the open transaction, the switches in force, who calls, and the objects it names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from reconciler.emulator import rows
from reconciler.emulator.answers import (
    INVALID_REQUEST,
    MODEL_MISSING,
    PERMISSION_DENIED,
    RESOURCE_MISSING,
    RefusedCallError,
)
from reconciler.emulator.listing import MAIN_APP, MAIN_USER, newest_first
from reconciler.emulator.rows import Connection, ModelRow, VersionRow
from reconciler.emulator.showing import Showing
from reconciler.emulator.switches import Switches


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What a handler works with. `me` is the user of the token, `now` nanoseconds since 1970."""

    connection: Connection
    switches: Switches
    me: str
    now: int

    @property
    def show(self) -> Showing:
        """How objects look in this call's answer."""
        return Showing(connection=self.connection, switches=self.switches)

    def scope(self, user_app_id: Any) -> tuple[str, str]:
        """The user and app of a request; "me" and, where an app is named, no user at all are the token's user."""
        user_id = self.me if user_app_id.user_id == "me" else user_app_id.user_id
        return user_id or (self.me if user_app_id.app_id else ""), user_app_id.app_id

    def listed_scope(self, user_app_id: Any) -> tuple[str, str]:
        """As `scope`. Refuses an app that doesn't exist, unless a switch makes that an empty listing."""
        user_id, app_id = self.scope(user_app_id)
        if app_id and self.switches.unknown_app == "error" and not self._has_app(user_id, app_id):
            raise RefusedCallError(RESOURCE_MISSING, f"App {user_id}/{app_id} does not exist")
        return user_id, app_id

    def written_scope(self, user_app_id: Any) -> tuple[str, str]:
        """The app that a write is about: one that the request names and that the caller may write to."""
        user_id, app_id = self.scope(user_app_id)
        if not app_id:
            raise RefusedCallError(INVALID_REQUEST, "user_app_id.app_id is empty")
        if (user_id, app_id) == (MAIN_USER, MAIN_APP) and self.me != MAIN_USER:
            raise RefusedCallError(PERMISSION_DENIED, f"App {user_id}/{app_id} can not be changed by user {self.me}")
        if not rows.has_app(self.connection, user_id, app_id):
            raise RefusedCallError(RESOURCE_MISSING, f"App {user_id}/{app_id} does not exist")
        return user_id, app_id

    def model(self, user_id: str, app_id: str, model_id: str) -> ModelRow:
        """One model, or the documented refusal ("API Outputs": description and details are the same text)."""
        row = rows.find_model(self.connection, user_id, app_id, model_id)
        if row is None or (row.builtin and not self.switches.main_models):
            raise RefusedCallError(MODEL_MISSING)
        return row

    def version(self, model: ModelRow, version_id: str) -> VersionRow:
        """One version of a model. The status of an unknown one is a guess: that of an unknown model."""
        row = rows.find_version(self.connection, model.pk, version_id)
        if row is None:
            raise RefusedCallError(MODEL_MISSING, f"Model version {version_id} does not exist")
        return row

    def latest(self, model: ModelRow) -> VersionRow | None:
        """The newest version, None for a model without any."""
        return rows.latest_version(self.connection, model.pk, newest_first=newest_first(self.switches))

    def _has_app(self, user_id: str, app_id: str) -> bool:
        return rows.has_app(self.connection, user_id, app_id)
