"""What an answer costs. Law: never less than it will be billed, as far as the prices are known; and no floats.

The prices are data (prices.json, with date and source), replaced or added to by INKSTREAM_PRICES. Dollars per million
tokens are millionths of a dollar per token, which is what this module answers in: integers, rounded up. A model that
the list does not know is counted as the dearest that it knows, and said so once in the log.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bot.claude.events import Usage

log = logging.getLogger(__name__)

_KNOWN = Path(__file__).with_name("prices.json")
# Stands for every model that is not listed: for servers of one's own, whose answers cost nothing.
ANY = "*"
# English has about 3.5 characters a token, code and the newer tokenizers less, Chinese about one: bytes of UTF-8
# over 3 errs upwards for all of them.
_BYTES_PER_TOKEN = 3


class _Tariff(BaseModel):
    """Dollars per million tokens."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    input: Decimal = Field(alias="in", ge=0)
    out: Decimal = Field(ge=0)
    read: Decimal | None = Field(default=None, ge=0)
    write: Decimal | None = Field(default=None, ge=0)
    write_hour: Decimal | None = Field(default=None, ge=0)

    @property
    def cached(self) -> tuple[Decimal, Decimal, Decimal]:
        """Read, write for five minutes, write for an hour; by the usual multiples where they are not listed."""
        return (
            self.input / 10 if self.read is None else self.read,
            self.input * 5 / 4 if self.write is None else self.write,
            self.input * 2 if self.write_hour is None else self.write_hour,
        )


class _Price(_Tariff):
    """A model's tariff, and the one that holds for the whole of a request whose prompt is `longer_than` tokens."""

    longer_than: int = Field(default=0, ge=0)
    long: _Tariff | None = None


class _List(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    as_of: str = ""
    source: str = ""
    web_search: Decimal | None = Field(default=None, ge=0)
    models: dict[str, _Price] = Field(default_factory=dict)


class PricesError(ValueError):
    """A list of prices that cannot be used; the message says what is wrong with it."""


@dataclass(frozen=True)
class Prices:
    """A list of prices; make it with `Prices.load`."""

    listed: _List
    _strangers: set[str] = field(default_factory=set, repr=False, compare=False)

    @classmethod
    def load(cls, override: str = "") -> Prices:
        """The list that comes with the bot, with what `override` says instead: JSON, or the path of such a file.

        {"models": {"claude-sonnet-5-5": {"in": 2, "out": 10}, "*": {"in": 0, "out": 0}}, "web_search": 10}, or the
        models alone. Raises PricesError.
        """
        known = _read(_KNOWN.read_text(encoding="utf-8"))
        if not override.strip():
            return cls(known)
        text = override
        if not override.lstrip().startswith("{"):
            try:
                text = Path(override.strip()).expanduser().read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as error:
                raise PricesError(
                    f"is neither JSON nor a file that can be read ({type(error).__name__})"
                ) from error
        other = _read(text)
        searches = known.web_search if other.web_search is None else other.web_search
        return cls(
            known.model_copy(
                update={
                    "models": {**known.models, **other.models},
                    "web_search": searches,
                    "as_of": other.as_of or known.as_of,
                    "source": other.source or known.source,
                }
            )
        )

    def cost(self, model: str, usage: Usage, *, written_for_an_hour: int = 0, searches: int = 0) -> int:
        """What this usage costs, in millionths of a dollar.

        `usage.tokens_out` has the thinking in it. `written_for_an_hour`: how many of `usage.cache_written` are kept
        for an hour rather than five minutes. Several calls of one answer are counted as one prompt, which can only
        err upwards.
        """
        price = self._price(model)
        prompt = usage.tokens_in + usage.cache_read + usage.cache_written
        tariff: _Tariff = price.long if price.long and prompt > price.longer_than else price
        read, write, write_hour = tariff.cached
        micros = (
            usage.tokens_in * tariff.input
            + usage.tokens_out * tariff.out
            + usage.cache_read * read
            + (usage.cache_written - written_for_an_hour) * write
            + written_for_an_hour * write_hour
            + searches * (self.listed.web_search or 0) * 1000
        )
        return int(micros.to_integral_value(ROUND_CEILING))

    def most(self, model: str, *, tokens_in: int, tokens_out: int) -> int:
        """The most that one call of this size costs: its whole prompt written to the cache, its answer at its limit."""
        return max(
            self.cost(model, Usage(tokens_in=tokens_in, tokens_out=tokens_out)),
            self.cost(model, Usage(cache_written=tokens_in, tokens_out=tokens_out)),
        )

    def knows(self, model: str) -> bool:
        return self._find(model) is not None

    def _price(self, model: str) -> _Price:
        found = self._find(model)
        if found is not None:
            return found
        if model not in self._strangers:
            self._strangers.add(model)
            log.warning("prices.unknown_model", extra={"model": model, "as_of": self.listed.as_of})
        return self._dearest

    def _find(self, model: str) -> _Price | None:
        models = self.listed.models
        return models.get(model) or models.get(_plain(model)) or models.get(ANY)

    @cached_property
    def _dearest(self) -> _Price:
        return max(self.listed.models.values(), key=lambda price: (price.out, price.input))


def tokens(text: str) -> int:
    """About how many tokens a text has, rather too many than too few."""
    return -(-len(text.encode("utf-8", "surrogatepass")) // _BYTES_PER_TOKEN)


def _plain(model: str) -> str:
    """The model's own name, without what the ways to it add: "us.anthropic.claude-opus-5-v1:0", "claude-opus-5@20260724"."""
    name = re.sub(r"^.*[./](?=claude-)", "", model)
    return re.sub(r"(?:[-@]\d{8})?(?:-v\d+(?::\d+)?)?(?:\[1m\])?$", "", name)


def _read(text: str) -> _List:
    try:
        told: Any = json.loads(text, parse_float=Decimal)
    except ValueError as error:
        raise PricesError("is not valid JSON") from error
    if not isinstance(told, Mapping):
        raise PricesError("is not a JSON object")
    if "models" not in told:
        told = {"models": {k: v for k, v in told.items() if isinstance(v, Mapping)}, **_plain_values(told)}
    try:
        return _List.model_validate(told)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise PricesError(f"has a mistake at {where}: {first['msg']}") from error


def _plain_values(told: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in told.items() if not isinstance(value, Mapping)}
