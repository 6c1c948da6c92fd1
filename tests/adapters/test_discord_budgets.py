"""Which budget a call spends: named as Discord names it, as soon as it has."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

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


def test_a_budget_keeps_its_key_when_its_hash_becomes_known_and_when_it_changes() -> None:
    """Calls under way are booked under it: a new key would be a second, full budget beside them."""
    budgets = Budgets()
    before = budgets.route(EDIT, "1").key
    for named in ("one", "two"):
        assert budgets.learn(EDIT, headers(named)) == Told(5, 4, 4.75)
        assert budgets.route(EDIT, "1").key == before


def test_routes_with_one_hash_share_one_budget() -> None:
    """Law of the file: where Discord says so, and nowhere else."""
    budgets = Budgets()
    budgets.learn(POST, headers("same"))
    budgets.learn(EDIT, headers("same"))
    assert budgets.route(POST, "1").key == budgets.route(EDIT, "1").key
    assert budgets.route(POST, "1").key != budgets.route(POST, "2").key


@pytest.mark.parametrize("moved", [POST, EDIT])
def test_routes_that_part_again_have_budgets_of_their_own(moved: str) -> None:
    """Discord moves routes between buckets without a word."""
    budgets = Budgets()
    for route in (POST, EDIT):
        budgets.learn(route, headers("same"))
    budgets.learn(moved, headers("new"))
    assert budgets.route(POST, "1").key != budgets.route(EDIT, "1").key


@given(
    st.lists(
        st.tuples(
            st.sampled_from([POST, EDIT, WEBHOOK_ORIGINAL, WEBHOOK_EDIT, "new"]), st.sampled_from("abc")
        )
    )
)
def test_keys_are_equal_exactly_where_hashes_are(told: list[tuple[str, str]]) -> None:
    """Whatever the order in which hashes are told and changed."""
    budgets, known = Budgets(), dict[str, str]()
    for route, named in told:
        budgets.learn(route, headers(named))
        known[route] = named
    keys = {route: budgets.route(route, "1").key for route in known}
    for one, first in known.items():
        for other, second in known.items():
            assert (keys[one] == keys[other]) == (first == second)


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
