"""Role × page: who sees what, who may press what, and that a refused press changes nothing."""

from dataclasses import dataclass
from urllib.parse import quote

import pytest
from django.http import HttpResponse
from django.test import Client

from console.models import ApiToken, SavedView
from console.permissions import ALLOWED, Act, Role, refusal
from sagas import acceptance
from sagas.models import (
    AuditEntry,
    Finding,
    Participant,
    ParticipantKey,
    Quarantined,
    Replay,
    Transition,
    Trial,
)
from tests.console.cast import Person, person
from tests.console.web.scene import Scene

PAGES = [
    "/",
    "/problems/{problem}/",
    "/problems/{problem}/accept",
    "/sagas/",
    "/sagas/order-fulfilment/order-8492/findings/{finding}/accept",
    "/sagas/order-fulfilment/order-8492/findings/{finding}/withdraw",
    "/views/",
    "/repairs/",
    "/participants/",
    "/participants/shipping/",
    "/definitions/",
    "/definitions/order-fulfilment/3/",
    "/definitions/order-fulfilment/3/?with=3",
    "/definitions/seen/?type=order-fulfilment",
    "/trials/",
    "/trials/{trial}/",
    "/quarantine/",
    "/quarantine/{quarantined}/",
    "/quarantine/replays/{replay}/",
    "/audit/",
    "/account/tokens/",
]


@dataclass(frozen=True)
class Press:
    """A button: where it posts, with what, and what must have changed when it was allowed."""

    address: str
    act: Act
    data: tuple[tuple[str, str], ...] = ()


PRESSES = [
    Press("/participants/", Act.MANAGE, (("name", "ledger"),)),
    Press("/participants/shipping/settings", Act.MANAGE, (("owner", "somebody else"),)),
    Press(
        "/participants/shipping/plain-json", Act.MANAGE, (("type", "data.type"), ("source", "//shop.example"))
    ),
    Press("/participants/shipping/keys", Act.MANAGE),
    Press("/participants/shipping/keys/{key}/revoke", Act.MANAGE),
    Press("/participants/shipping/secret", Act.MANAGE),
    Press(
        "/sagas/order-fulfilment/order-8492/findings/{finding}/accept",
        Act.ACCEPT,
        (("reason", "OPS-1"), ("digest", "{digest}")),
    ),
    Press(
        "/problems/{problem}/accept",
        Act.ACCEPT,
        (("reason", "OPS-1"), ("count", "1"), ("digest", "{problem_digest}")),
    ),
    Press("/quarantine/replay", Act.REPLAY, (("id", "{quarantined}"),)),
    Press("/quarantine/types/{foreign_type}/replay", Act.REPLAY),
    Press("/trials/", Act.MANAGE, (("text", "{{type: a, version: b, steps: []}}"),)),
    Press("/trials/{trial}/activate", Act.MANAGE, (("digest", "{trial_digest}"), ("sure", "on"))),
    Press("/audit/exports", Act.AUDIT, (("format", "csv"),)),
    Press("/views/", Act.SHARE, (("name", "late"), ("type", "order"), ("shared", "yes"))),
    Press("/account/tokens/", Act.VIEW),
]


def filled(text: str, scene: Scene) -> str:
    return text.format(
        problem=scene.problem.pk,
        quarantined=scene.quarantined.pk,
        foreign_type=scene.orphan.foreign_type_id,
        replay=scene.replay.pk,
        key=scene.key.pk,
        trial=scene.trial.pk,
        trial_digest=scene.trial.digest,
        finding=scene.finding.pk,
        digest=acceptance.of_finding(scene.finding),
        problem_digest=acceptance.of_problem(scene.problem),
    )


def everything() -> list[object]:
    """What a press could change."""
    return [
        list(model.objects.order_by("pk").values())
        for model in (
            Participant,
            ParticipantKey,
            Quarantined,
            Replay,
            Trial,
            ApiToken,
            SavedView,
            AuditEntry,
            Finding,
            Transition,
        )
    ]


@pytest.fixture(params=list(Role))
def somebody(request: pytest.FixtureRequest, db: None) -> Person:
    return person("somebody", request.param)


def test_every_role_sees_every_page(somebody: Person, scene: Scene) -> None:
    for page in PAGES:
        assert somebody.browser.get(filled(page, scene)).status_code == 200, page


def test_outsiders_are_told_who_could(outsider: Person, scene: Scene) -> None:
    for page in PAGES:
        answer = outsider.browser.get(filled(page, scene))
        assert answer.status_code == 403, page
        act = Act.AUDIT if page == "/audit/" else Act.VIEW
        assert refusal(act) in answer.content.decode()
        assert "shipping" not in answer.content.decode()


def test_strangers_are_sent_to_sign_in_and_back(stranger: Client, scene: Scene) -> None:
    for page in PAGES:
        address = filled(page, scene)
        answer = stranger.get(address)
        assert answer.status_code == 302
        assert answer["Location"] == f"/accounts/login/?next={quote(address, safe='')}"


def press(client: Client, one: Press, scene: Scene) -> HttpResponse:
    data = {name: filled(value, scene) for name, value in one.data}
    return client.post(filled(one.address, scene), data)


@pytest.mark.parametrize("one", PRESSES, ids=lambda one: one.address)
def test_a_press_is_allowed_by_the_table_alone(one: Press, somebody: Person, scene: Scene) -> None:
    role = Role(somebody.user.groups.get().name)
    before = everything()
    answer = press(somebody.browser, one, scene)
    if role in ALLOWED[one.act]:
        assert answer.status_code in {200, 302, 303}
        assert everything() != before
    else:
        assert answer.status_code == 403
        assert refusal(one.act) in answer.content.decode()
        assert everything() == before


@pytest.mark.parametrize("one", PRESSES, ids=lambda one: one.address)
def test_outsiders_and_strangers_change_nothing(
    one: Press, outsider: Person, stranger: Client, scene: Scene
) -> None:
    before = everything()
    assert press(outsider.browser, one, scene).status_code == 403
    assert press(stranger, one, scene).status_code == 302
    assert everything() == before


@pytest.mark.parametrize("one", PRESSES, ids=lambda one: one.address)
def test_a_form_without_its_token_is_refused(one: Press, admin: Person, scene: Scene) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(admin.user)
    before = everything()
    answer = press(client, one, scene)
    assert answer.status_code == 403
    assert "too old" in answer.content.decode()
    assert everything() == before


@pytest.mark.parametrize("one", [p for p in PRESSES if p.address not in PAGES], ids=lambda one: one.address)
def test_nothing_is_changed_by_a_get(one: Press, admin: Person, scene: Scene) -> None:
    assert admin.browser.get(filled(one.address, scene)).status_code == 405


def test_a_token_of_somebody_else_cannot_be_revoked(viewer: Person, admin: Person, scene: Scene) -> None:
    assert viewer.token
    token = ApiToken.objects.get()
    assert admin.browser.post(f"/account/tokens/{token.pk}/revoke").status_code == 404
    token.refresh_from_db()
    assert token.revoked_at is None


def test_buttons_that_one_may_not_press_say_who_could(viewer: Person, scene: Scene) -> None:
    for page in ("/participants/", "/participants/shipping/", "/quarantine/"):
        html = viewer.browser.get(page).content.decode()
        # Where there would be many, it is said once in their place.
        assert "disabled" in html or page == "/participants/shipping/"
        assert refusal(Act.REPLAY if page == "/quarantine/" else Act.MANAGE) in html
    assert '<form class="form" method="post"' not in viewer.browser.get("/participants/").content.decode()


def test_a_fragment_of_a_session_that_ended_sends_the_whole_page_to_sign_in(
    stranger: Client, scene: Scene
) -> None:
    answer = stranger.get("/?open=1", headers={"HX-Request": "true"})
    assert answer.status_code == 401
    assert answer["HX-Redirect"] == "/accounts/login/"


def test_pages_are_not_kept_by_browsers(viewer: Person, scene: Scene) -> None:
    assert "no-store" in viewer.browser.get("/")["Cache-Control"]
