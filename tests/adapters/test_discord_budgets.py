"""Which budget a call spends: named as Discord names it, as soon as it has."""

from __future__ import annotations

import pytest

from adapters.discord.budgets import (
    EDIT,
    GLOBAL_KEY,
    POST,
    WEBHOOK_EDIT,
    WEBHOOK_ORIGINAL,
    Budgets,
    Told,
    route_of,
)


def headers(
    bucket: str = "h1", limit: str = "5", remaining: str = "4", after: str = "4.75"
) -> dict[str, str]:
    return {
        "X-RateLimit-Bucket": bucket,
        "X-RateLimit-Limit": limit,
        "X-RateLimit-Remaining": remaining,
        "X-RateLimit-Reset-After": after,
    }


def test_budgets_are_per_route_and_channel_until_discord_names_them() -> None:
    """Two channels never share; two routes do not until they are known to."""
    budgets = Budgets()
    keys = {budgets.route(route, channel).key for route in (POST, EDIT) for channel in ("1", "2")}
    assert len(keys) == 4


def test_routes_with_one_hash_share_one_budget() -> None:
    """Law of the file: the hash is the budget."""
    budgets = Budgets()
    assert budgets.learn(POST, headers("same")) == Told(5, 4, 4.75)
    budgets.learn(EDIT, headers("same"))
    assert budgets.route(POST, "1").key == budgets.route(EDIT, "1").key
    assert budgets.route(POST, "1").key != budgets.route(POST, "2").key


def test_a_hash_that_changes_is_followed() -> None:
    """Discord moves routes between buckets without a word."""
    budgets = Budgets()
    budgets.learn(EDIT, headers("one"))
    before = budgets.route(EDIT, "1").key
    budgets.learn(EDIT, headers("two"))
    assert budgets.route(EDIT, "1").key != before


def test_an_interaction_has_one_budget_until_its_routes_are_told_apart() -> None:
    """Whether they share is not known; assuming that they do refuses nothing."""
    budgets = Budgets()
    assert budgets.route(WEBHOOK_ORIGINAL, "9") == budgets.route(WEBHOOK_EDIT, "9")
    assert budgets.route(WEBHOOK_ORIGINAL, "9").key != budgets.route(WEBHOOK_ORIGINAL, "8").key


@pytest.mark.parametrize(
    "said",
    [
        {},
        headers(limit="many"),
        headers(limit="0"),
        headers(remaining="-1"),
        headers(after="inf"),
        headers(after="nan"),
        headers(after="-1"),
        {k: v for k, v in headers().items() if k != "X-RateLimit-Limit"},
    ],
)
def test_figures_that_are_none_say_nothing(said: dict[str, str]) -> None:
    """A global 429 has no figures, and a proxy may break them: no guess is made."""
    assert Budgets().learn(POST, said) is None


def test_every_rule_says_how_sure_it_is_and_why() -> None:
    """Constants carry their evidence."""
    budgets = Budgets()
    for bucket in (
        budgets.route(POST, "1"),
        budgets.everywhere(),
        budgets.old("1"),
        budgets.route("new", "1"),
    ):
        assert bucket.rule.source
        assert bucket.rule.rate > 0
    assert budgets.everywhere().key == GLOBAL_KEY


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/users/@me", ("GET /users/@me", "")),
        ("GET", "/users/123", ("GET /users/{id}", "")),
        ("PUT", "/applications/123/commands", ("PUT /applications/{id}/commands", "")),
        ("POST", "/channels/10/typing", ("POST /channels/{c}/typing", "10")),
        ("PATCH", "/channels/10/messages/20", ("PATCH /channels/{c}/messages/{id}", "10")),
        ("GET", "/", ("GET /", "")),
    ],
)
def test_discord_pys_calls_are_named_by_their_paths(
    method: str, path: str, expected: tuple[str, str]
) -> None:
    """Their headers must reach the same budgets as ours."""
    assert route_of(method, path) == expected
