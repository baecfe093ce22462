"""The pages that set alerts up and by which people see to problems: what was typed is what is in force."""

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from sagas.alerts import registered, routes, setup, signing
from sagas.alerts.matching import Match
from sagas.alerts.routing import Route, Step
from sagas.audit import Actor
from sagas.models import Alert, AlertSilence, AuditEntry, Channel, Delivery, Incident
from tests.console.cast import Person, everyone
from tests.console.world import World, build

pytestmark = pytest.mark.django_db
US = Actor.system()
SECRET = "whsec_" + "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0"

TYPED = {
    "name": "payments",
    "saga_types": "pay*, refund",
    "severities": ["critical"],
    "count_from": "5",
    "stake_from": "99.50",
    "stake_currency": "eur",
    "from": "22:00",
    "to": "06:00",
    "days": ["sat", "sun"],
    "hours_zone": "Europe/Berlin",
    "when": "count > 3",
    "after-0": "",
    "channels-0": ["ops"],
    "after-1": "10m",
    "channels-1": ["ops", "ALERT_EMAIL_TO"],
    "repeats": "2",
    "repeat_after": "1h",
    "zone": "Europe/Berlin",
    "is_enabled": "on",
}


@pytest.fixture
def people() -> dict[str, Person]:
    return everyone()


@pytest.fixture
def admin(people: dict[str, Person]) -> Client:
    setup.save_channel("ops", "email", {"owner": "on"}, US)
    return people["admin"].browser


def test_a_route_is_kept_as_it_was_typed(admin: Client) -> None:
    assert admin.post("/alerts/routes/new", TYPED).status_code == 303
    (route,) = routes.in_force().routes
    assert str(route.match) == (
        "saga type pay* or refund; severity critical; from 5 sagas on; at stake 99.50 EUR or more; "
        "Sat, Sun 22:00–06:00 Europe/Berlin; `count > 3`"
    )
    assert [(step.channels, step.after) for step in route.steps] == [
        (("ops",), 0),
        (("ops", "ALERT_EMAIL_TO"), 600),
    ]
    assert (route.repeats, route.repeat_after, route.go_on) == (2, 3600, False)
    html = admin.get("/alerts/routes/payments/").content.decode()
    for text in (
        'value="pay*, refund"',
        'value="99.5"',
        'value="22:00"',
        'value="10m"',
        'value="1h"',
        "count &gt; 3",
    ):
        assert text in html
    assert admin.post("/alerts/routes/payments/", TYPED | {"name": "money"}).status_code == 303
    assert [one.name for one in routes.in_force().routes] == ["money"]
    assert admin.post("/alerts/routes/money/remove").status_code == 303
    assert routes.in_force().routes == ()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"when": "count >"}, "something is missing at the end"),
        ({"count_from": "many"}, "give a whole number"),
        ({"stake_from": "-1"}, "give a number such as"),
        ({"after-1": "10"}, "must be a duration"),
        ({"hours_zone": "Nowhere"}, "is no time zone"),
        ({"codes": "step_lost"}, "Codes"),
        ({"channels-0": [], "channels-1": []}, "Name at least one channel"),
        ({"name": "<b>x\n"}, None),
        ({"name": "a/b"}, "without a slash"),
    ],
)
def test_what_cannot_be_is_refused_and_stands_in_the_form(
    admin: Client, change: Any, said: str | None
) -> None:
    answer = admin.post("/alerts/routes/new", TYPED | change)
    if said is None:
        assert answer.status_code == 303
        assert "<b>x" not in admin.get("/alerts/").content.decode()
        return
    assert answer.status_code == 422
    html = answer.content.decode()
    assert said in html.replace("&#x27;", "'") and 'value="pay*, refund"' in html
    assert routes.in_force().routes == ()


def test_a_channels_secret_is_never_shown(admin: Client) -> None:
    given = {"name": "hook", "urls": "https://a.example/x", "secret": SECRET, "per_minute": "5"}
    assert admin.post("/alerts/channels/new?kind=webhook", given).status_code == 303
    row = Channel.objects.get(name="hook")
    assert registered.config_of(row)["secret"] == SECRET
    assert SECRET not in admin.get("/alerts/channels/hook/").content.decode()
    wrong = admin.post("/alerts/channels/hook/", given | {"urls": "ftp://x", "secret": "whsec_" + "eHl6"})
    assert wrong.status_code == 422 and "eHl6" not in wrong.content.decode()


def test_a_channel_is_removed_once_no_route_names_it(admin: Client) -> None:
    given = {"name": "hook", "urls": "https://a.example/x", "secret": SECRET, "per_minute": "5"}
    admin.post("/alerts/channels/new?kind=webhook", given)
    admin.post("/alerts/routes/new", TYPED | {"channels-0": ["hook"]})
    refused = admin.post("/alerts/channels/hook/remove", follow=True).content.decode()
    assert "Take it out of what still leads to it first: “payments”." in refused
    assert 'tone-bad" role="alert"' in refused and "Has taken nothing yet" in refused
    admin.post("/alerts/routes/payments/remove")
    html = admin.post("/alerts/channels/hook/remove", follow=True).content.decode()
    assert "The channel “hook” was removed." in html and 'tone-ok" role="status"' in html
    assert "/alerts/channels/hook/" not in html
    assert admin.get("/alerts/channels/hook/").status_code == 404
    assert "Remove this channel" not in admin.get("/alerts/channels/ALERT_EMAIL_TO/").content.decode()


def test_the_tester_says_who_when_and_why(admin: Client) -> None:
    admin.post("/alerts/routes/new", TYPED | {"hours_zone": "", "from": "", "to": ""})
    asked = "/alerts/try?saga_type=payment&severity=critical&count=7&stake=100&currency=EUR"
    html = admin.get(asked).content.decode()
    assert "route “payments”" in html
    assert "step 2 of route “payments”, as nobody saw to it for 10 min" in html
    html = admin.get(asked.replace("count=7", "count=4")).content.decode()
    assert "the default route" in html and "4 sagas have it, fewer than 5" in html
    assert admin.get("/alerts/try?count=x").status_code == 422


def test_a_preview_hides_nothing(people: dict[str, Person]) -> None:
    built = build()
    given = {"saga_types": "ord*", "hours": "4", "reason": "OPS-1"}
    before = AlertSilence.objects.count()
    html = people["viewer"].browser.post("/alerts/silences/", given | {"preview": "1"}).content.decode()
    assert "What it would hide" in html and built.problem.title in html
    assert AlertSilence.objects.count() == before
    assert people["operator"].browser.post("/alerts/silences/", given).status_code == 303
    assert AlertSilence.objects.count() == before + 1
    refused = people["operator"].browser.post("/alerts/silences/", {"hours": "4", "reason": "OPS-1"})
    assert refused.status_code == 422 and b"at least one condition" in refused.content


def link(built: World) -> str:
    return f"/alerts/act/{signing.token(signing.Link(built.incident.pk, 'oncall@elsewhere.example'))}"


def test_a_link_asks_and_only_its_button_acts() -> None:
    built, client = build(), Client(enforce_csrf_checks=True)
    entries = AuditEntry.objects.count()
    page = client.get(link(built))
    assert page.status_code == 200 and built.problem.title in page.content.decode()
    assert page["Referrer-Policy"] == "same-origin"
    assert client.head(link(built)).status_code == 200
    assert AuditEntry.objects.count() == entries
    assert client.post(link(built)).status_code == 403, "without its form"
    token = client.cookies["csrftoken"].value
    assert b"You see to it" in client.post(link(built), {"csrfmiddlewaretoken": token}).content
    incident = Incident.objects.get()
    assert incident.acknowledged_by == "oncall@elsewhere.example (by link)"
    client.post(link(built), {"csrfmiddlewaretoken": token, "for": "grown"})
    incident.refresh_from_db()
    assert incident.until_grown and incident.acknowledged_at is None
    assert client.get("/alerts/act/nonsense").status_code == 404


@pytest.mark.parametrize(
    ("target", "by"),
    [
        (f"https://hooks.example/{'secret' * 80}", "hooks.example"),
        (f"{'long' * 100}@shop.example", ("long" * 100)[:150]),
        ("", "mail"),
    ],
)
def test_whoever_a_link_was_sent_to_is_named_shortly_and_without_secrets(target: str, by: str) -> None:
    built = build()
    delivery = Delivery(target=target, channel=Channel(name="mail", kind="email"))
    acts = signing.acts_for(delivery, built.incident)
    assert acts
    answer = Client().post(acts.acknowledge.removeprefix(settings.BASE_URL))
    assert answer.status_code == 200
    assert Incident.objects.get().acknowledged_by == f"{by} (by link)"
    assert AuditEntry.objects.latest("sequence").actor == f"{by} (by link)"


def test_the_buttons_of_a_problem(people: dict[str, Person]) -> None:
    built, operator = build(), people["operator"].browser
    address = f"/problems/{built.problem.pk}/"
    html = operator.get(address).content.decode()
    assert "Nobody so far" in html and html.count("I see to it") == 2, "on top, too"
    operator.post(f"{address}assign", {"to": "nobody at all"})
    operator.post(f"{address}acknowledge")
    html = operator.get(address).content.decode()
    assert "There is nobody of that name" in html and "Nobody sees to it" in html
    assert f"<b>{people['operator'].user.username}</b> sees to it" in html and "I see to it" not in html
    name = people["viewer"].user.username
    operator.post(f"{address}assign", {"to": name})
    operator.post(f"{address}snooze", {"for": "24"})
    incident = Incident.objects.get()
    assert incident.assignee == name
    assert incident.snoozed_until > timezone.now() + timedelta(hours=23)
    assert not Alert.objects.filter(incident=incident).exists(), "nobody had heard of it"


def test_attention_says_which_channel_takes_nothing(people: dict[str, Person]) -> None:
    setup.save_channel("ops", "email", {"owner": "on"}, US)
    setup.save_route(Route(name="all", match=Match(), steps=(Step(("ops",)),)), US)
    now = timezone.now()
    Channel.objects.update(failing_since=now, dead_since=now, last_error="<i>503</i>")
    html = people["viewer"].browser.get("/").content.decode()
    assert "Nobody is reached by the channel" in html and "<i>503" not in html
