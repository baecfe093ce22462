"""Who must agree to repairs, on the pages: the default policy, and what a definition says itself."""

import re

from compensation import default_policy
from sagas import definitions
from tests.console.cast import Person
from tests.console.web.scene import ADA, ORDERS, Scene, page

POLICY = """\
approval:
  - when: stake.exists(currency, stake[currency] > 5000)
    approvers: 2
    groups: [admin, finance]
    expires: 90m
    because: Much <b>money</b>.
  - when: cumulative.count > 3
    within: 7d
"""


def section(html: str) -> str:
    """The part about agreement, as text on one line."""
    [found] = re.findall(r'<section [^>]*aria-labelledby="agreement-title">(.*?)</section>', html, re.S)
    return " ".join(re.sub(r"<[^>]+>", " ", found).split())


def test_until_a_policy_is_loaded_what_is_built_in_is_shown(scene: Scene, viewer: Person) -> None:
    told = section(page(viewer, "/definitions/"))
    assert "where a definition does not say; every rule that holds must be met" in told
    assert "built in: none was loaded yet manage.py load_policy FILE" in told
    assert (
        "One person repairs more than 25 sagas in 24 h. cumulative.count &gt; 25 "
        "with what the same person began within 1 d 1 person of the group approver or admin" in told
    )
    assert "It goes back across a point of no return. pivot 1 person of the group" in told


def test_the_policy_in_force_is_shown_with_who_loaded_it_and_when(scene: Scene, viewer: Person) -> None:
    default_policy.load("approval: []", "old.yaml", ADA)
    loaded = default_policy.load(POLICY, "p.yaml", ADA).row
    html = page(viewer, "/definitions/")
    told = section(html)
    assert "loaded by ada" in told
    assert f'datetime="{loaded.loaded_at:%Y-%m-%dT%H:%M:%S}' in html
    assert "Much &lt;b&gt;money&lt;/b&gt;. stake.exists(currency, stake[currency] &gt; 5000)" in told
    assert "2 people of the group admin or finance 90 min" in told
    assert "cumulative.count &gt; 3 with what the same person began within 7 d 1 person of the group" in told
    assert told.count("count &gt; 3") == 1
    assert "built in" not in told
    assert 'href="/audit/?action=policy.loaded"' in html


def test_that_nobody_needs_to_agree_is_said(scene: Scene, viewer: Person) -> None:
    default_policy.load("approval: []", "p.yaml", ADA)
    assert "Nobody needs to agree." in section(page(viewer, "/definitions/"))


def test_a_definition_shows_its_own_rules_or_that_the_default_counts(scene: Scene, viewer: Person) -> None:
    html = page(viewer, "/definitions/order-fulfilment/3/")
    assert section(html).endswith("It does not say, so the default policy counts.")
    assert 'href="/definitions/#who-must-agree"' in html
    for version, text, told in (
        ("4", POLICY, "2 people of the group admin or finance"),
        ("5", "approval: []\n", "Nobody needs to agree."),
    ):
        definitions.load(ORDERS.replace('"3"', f'"{version}"') + text, "x.yaml", ADA)
        assert told in section(page(viewer, f"/definitions/order-fulfilment/{version}/"))
