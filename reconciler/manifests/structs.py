"""Free-form data (metadata, output_info.params) as the service can hold it: a google.protobuf.Struct.

Numbers in a Struct are doubles, so an integral one becomes an int here and one beyond 2**53 is an error, since it
would come back changed. protobuf decodes messages nested at most 100 deep, which is 32 mappings in a Struct inside the
request (measured with protobuf 7 and clarifai-grpc 12.6: PatchModelVersionsRequest).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from reconciler.errors import ProblemList
from reconciler.loading.document import LoadedDocument
from reconciler.loading.nodes import JsonPath, dotted, json_pointer
from reconciler.loading.scalars import surprise
from reconciler.resources.wording import described, quoted, shortened

MAX_EXACT: Final = 2**53
MAX_STRUCT_DEPTH: Final = 32


def number_normalised(value: float) -> int | float:
    """An integral float that a double holds exactly as an int; every other number unchanged."""
    if isinstance(value, float) and value.is_integer() and abs(value) <= MAX_EXACT:
        return int(value)
    return value


@dataclass(frozen=True, slots=True)
class StructReader:
    """Reads the Structs of one document, collecting what the service couldn't hold and what YAML may have misread."""

    document: LoadedDocument
    problems: ProblemList
    warnings: ProblemList

    def read(self, value: dict[str, Any], path: JsonPath) -> Any:
        """The normalised copy of the mapping at `path`."""
        return self._read(value, path, 1)

    def _read(self, value: Any, path: JsonPath, depth: int) -> Any:
        if isinstance(value, dict | list):
            if depth > MAX_STRUCT_DEPTH:
                message = (
                    f"{dotted(path)} is nested deeper than {MAX_STRUCT_DEPTH} levels, the most a request can carry."
                )
                self._report(self.problems, "struct-too-deep", message, path, "Flatten it.")
                return None
            if isinstance(value, dict):
                return {name: self._read_item(item, path, name, depth) for name, item in value.items()}
            return [self._read_item(item, path, index, depth) for index, item in enumerate(value)]
        raw = self.document.raw(path)
        if raw is not None:
            self._warn(raw, value, path)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return value
        if isinstance(value, int) and abs(value) > MAX_EXACT:
            message = f"{dotted(path)}: {described(value)} is beyond 2**53, so the service would change it."
            self._report(self.problems, "integer-too-large", message, path, f'Quote it to make it a string: "{value}".')
        return number_normalised(value)

    def _read_item(self, item: Any, path: JsonPath, name: str | int, depth: int) -> Any:
        if isinstance(name, str) and "${" in name:
            message = f"the key {quoted(name)} is kept literally: keys are never interpolated."
            self._report(self.warnings, "reference-in-key", message, (*path, name), None)
        return self._read(item, (*path, name), depth + 1)

    def _warn(self, raw: str, value: Any, path: JsonPath) -> None:
        read_as = surprise(raw, value)
        if read_as is not None:
            shown = shortened(raw)
            hint = f'Quote it to make it a string: "{shown}".'
            if isinstance(value, str):
                octal = "Write octal numbers as 017, or quote it."
                exponent = "Write it with a dot and a signed exponent (1.0e+3) to make it a number, or quote it."
                hint = octal if "o" in raw else exponent
            self._report(
                self.warnings, "yaml-surprise", f"{dotted(path)}: YAML reads {shown} as {read_as}.", path, hint
            )

    def _report(self, to: ProblemList, code: str, message: str, path: JsonPath, hint: str | None) -> None:
        to.add(code, message, self.document.origin(path), pointer=json_pointer(path), hint=hint)
