"""Discord's error answers. Law: whatever a client sends, it gets an answer of Discord's form, never a server fault.

Codes and sentences are those of the documentation (topics/opcodes-and-status-codes, "JSON Error Codes"); the nested
`errors` object is as in reference, "Error Messages". Codes of single fields, which the documentation does not list,
are as other people have quoted them.
"""

from __future__ import annotations

from typing import Any, TypeAlias

Path: TypeAlias = tuple[str | int, ...]

MESSAGES = {
    10003: (404, "Unknown Channel"),
    10004: (404, "Unknown Guild"),
    10007: (404, "Unknown Member"),
    10008: (404, "Unknown Message"),
    10013: (404, "Unknown User"),
    10014: (400, "Unknown Emoji"),
    10015: (404, "Unknown Webhook"),
    10062: (404, "Unknown interaction"),
    10063: (404, "Unknown application command"),
    30032: (400, "Maximum number of application commands reached (100)."),
    40005: (413, "Request entity too large"),
    40060: (400, "Interaction has already been acknowledged."),
    50001: (403, "Missing Access"),
    50003: (403, "Cannot execute action on a DM channel"),
    50005: (403, "Cannot edit a message authored by another user"),
    50006: (400, "Cannot send an empty message"),
    50007: (403, "Cannot send messages to this user"),
    50013: (403, "Missing Permissions"),
    50021: (403, "Cannot execute action on a system message"),
    50024: (400, "Cannot execute action on this channel type"),
    50027: (401, "Invalid Webhook Token"),
    50035: (400, "Invalid Form Body"),
    50041: (400, "Invalid API version"),
    50083: (400, "Thread is archived"),
    50109: (400, "The request body contains invalid JSON."),
    160002: (400, "Cannot reply without permission to read message history"),
    160004: (400, "A thread has already been created for this message"),
    160005: (400, "This thread is locked"),
}


class Refusal(Exception):
    """Ends a request with one of Discord's error answers."""

    def __init__(
        self, code: int, *, status: int | None = None, message: str = "", errors: Any = None
    ) -> None:
        known_status, known = MESSAGES.get(code, (400, "Bad Request"))
        self.code = code
        self.status = known_status if status is None else status
        self.text = message or known
        self.errors = errors
        super().__init__(f"{self.code} {self.text}")

    @property
    def body(self) -> dict[str, Any]:
        body: dict[str, Any] = {"message": self.text, "code": self.code}
        if self.errors is not None:
            body["errors"] = self.errors
        return body


def not_found() -> Refusal:
    return Refusal(0, status=404, message="404: Not Found")


def unauthorized() -> Refusal:
    return Refusal(0, status=401, message="401: Unauthorized")


class Form:
    """Collects what is wrong with a body, then refuses it once, with every mistake (code 50035)."""

    def __init__(self) -> None:
        self._errors: dict[str, Any] = {}

    def wrong(self, path: Path, code: str, message: str) -> None:
        node = self._errors
        for step in path:
            node = node.setdefault(str(step), {})
        node.setdefault("_errors", []).append({"code": code, "message": message})

    @property
    def errors(self) -> dict[str, Any]:
        return self._errors

    def refuse_if_wrong(self) -> None:
        if self._errors:
            raise Refusal(50035, errors=self._errors)

    # ------------------------------------------------------------------ one field each

    def text(self, value: Any, path: Path, *, most: int, least: int = 0) -> str:
        """A string field; numbers are taken as text, as Discord does. Wrong: ""."""
        if value is None:
            value = ""
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            self.wrong(
                path, "STRING_TYPE_CONVERT", f'Could not interpret "{type(value).__name__}" as string.'
            )
            return ""
        text = str(value)
        if any("\ud800" <= char <= "\udfff" for char in text):
            text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        if len(text) > most:
            bounds = (
                f"Must be {most} or fewer in length."
                if not least
                else f"Must be between {least} and {most} in length."
            )
            self.wrong(path, "BASE_TYPE_MAX_LENGTH" if not least else "BASE_TYPE_BAD_LENGTH", bounds)
        elif len(text) < least:
            if text:
                self.wrong(path, "BASE_TYPE_BAD_LENGTH", f"Must be between {least} and {most} in length.")
            else:
                self.wrong(path, "BASE_TYPE_REQUIRED", "This field is required")
        return text

    def number(self, value: Any, path: Path, *, default: int = 0) -> int:
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, (str, int)):
            self.wrong(path, "NUMBER_TYPE_COERCE", f'Value "{type(value).__name__}" is not int.')
            return default
        try:
            return int(value)
        except ValueError:
            self.wrong(path, "NUMBER_TYPE_COERCE", f'Value "{value}" is not int.')
            return default

    def flag(self, value: Any, path: Path) -> bool:
        if value is None or isinstance(value, bool):
            return bool(value)
        self.wrong(path, "BOOLEAN_TYPE_CONVERT", "Must be either true or false.")
        return False

    def snowflake(self, value: Any, path: Path) -> str:
        if not is_snowflake(value):
            self.wrong(path, "NUMBER_TYPE_COERCE", f'Value "{str(value)[:40]}" is not snowflake.')
            return ""
        return str(value)

    def items(self, value: Any, path: Path, *, most: int) -> list[Any]:
        if value is None:
            return []
        if not isinstance(value, list):
            self.wrong(path, "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType")
            return []
        if len(value) > most:
            self.wrong(path, "BASE_TYPE_MAX_LENGTH", f"Must be {most} or fewer in length.")
            return []
        return value

    def object(self, value: Any, path: Path) -> dict[str, Any]:
        if value is None:
            return {}
        if not isinstance(value, dict):
            self.wrong(path, "DICT_TYPE_CONVERT", "Only dictionaries may be used in a DictType")
            return {}
        return value


def is_snowflake(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return False
    text = str(value)
    return text.isascii() and text.isdigit() and len(text) <= 20
