"""Channels, routes and silences as they are set up: checked, audited, without secrets; and as a file."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from django.utils import timezone

from sagas.alerts import files, health, registered, routes, setup, silences
from sagas.alerts.channels.fields import ConfigError
from sagas.alerts.files import FileError
from sagas.alerts.matching import Match, Subject
from sagas.alerts.routing import Route, Step
from sagas.alerts.setup import SetupError
from sagas.alerts.silences import SilenceError
from sagas.audit import Actor
from sagas.detection.sweep import sweep
from sagas.models import Alert, AlertSilence, AuditEntry, Channel, Delivery
from sagas.vocabulary import Code
from tests.sagas.alerts.receivers import SECRET
from tests.sagas.storing import define, put

pytestmark = pytest.mark.django_db
ANNA = Actor("person", "anna")
HOOK = {"urls": "https://a.example/x\nhttps://b.example/y", "secret": SECRET}


def route(name: str, *channels: str, **more: Any) -> Route:
    return Route(name=name, steps=(Step(channels),), **more)


def audited() -> str:
    return str(list(AuditEntry.objects.values_list("action", "before", "after")))


def test_a_channels_secret_is_kept_encrypted_and_never_told() -> None:
    row = setup.save_channel("ops", "webhook", HOOK, ANNA)
    assert SECRET not in str(row.config)
    assert registered.config_of(row) == {
        "urls": ("https://a.example/x", "https://b.example/y"),
        "secret": SECRET,
    }
    kept = setup.save_channel("ops", "webhook", HOOK | {"secret": ""}, ANNA, per_minute=7)
    assert registered.destination(kept).secrets == (SECRET,)
    assert kept.per_minute == 7
    assert "channel.created" in audited() and "channel.changed" in audited()
    assert SECRET not in audited()


@pytest.mark.parametrize(
    ("kind", "given", "said"),
    [
        ("webhook", {"urls": "ftp://x", "secret": SECRET}, "'ftp://x' is no http or https address"),
        ("webhook", {"urls": "", "secret": SECRET}, "Addresses: give a value."),
        ("webhook", {"urls": "https://x", "secret": ""}, "Signing secret: give a value."),
        ("webhook", {"urls": "https://x", "secret": "whsec_!"}, "must be whsec_ and base64"),
        ("email", {"to": "a@shop.example, b"}, "'b' is no e-mail address"),
        ("email", {"to": ["a\u202e@shop.example"]}, "leave out characters that nobody sees"),
    ],
)
def test_a_config_that_cannot_be_is_refused(kind: str, given: dict, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        setup.save_channel("x", kind, given, ANNA)
    assert not Channel.objects.exists() and not AuditEntry.objects.exists()


@pytest.mark.parametrize("name", ["", " x", "x\n", "x" * 101, "a/b", "..", "ALERT_EMAIL_TO"])
def test_a_name_that_cannot_be_is_refused(name: str) -> None:
    with pytest.raises(SetupError):
        setup.save_channel(name, "email", {"owner": "on"}, ANNA)


def test_routes_are_asked_in_their_order_and_the_default_last() -> None:
    setup.save_channel("ops", "email", {"owner": "on"}, ANNA)
    for name in ("a", "default", "b", "c"):
        setup.save_route(route(name, "ops"), ANNA)
    assert setup.move_route("c", ANNA, up=True)
    assert not setup.move_route("a", ANNA, up=True)
    in_force = routes.in_force()
    assert [one.name for one in in_force.routes] == ["a", "c", "b"]
    assert in_force.stand_ins == ("ops",)
    setup.save_route(route("z", "ALERT_EMAIL_TO"), ANNA, was="a")
    setup.remove_route("default", ANNA)
    assert [one.name for one in routes.in_force().routes] == ["z", "c", "b"]
    assert routes.in_force().default is routes.BUILT_IN


@pytest.mark.parametrize(
    ("made", "was", "said"),
    [
        (route("x", "nobody"), "", "There is no channel 'nobody'."),
        (route("known", "ops"), "", "There is a route 'known' already."),
        (route("known", "ops"), "gone", "There is no route 'gone' any more."),
        (route("default", "ops", match=Match(owners=("x",))), "", "it has no conditions"),
        (route("default", "ops"), "known", "The default route keeps its name"),
    ],
)
def test_a_route_that_cannot_be_is_refused(made: Route, was: str, said: str) -> None:
    setup.save_channel("ops", "email", {"owner": "on"}, ANNA)
    setup.save_route(route("known", "ops"), ANNA)
    with pytest.raises(SetupError, match=said):
        setup.save_route(made, ANNA, was=was)


def test_what_a_silence_hides() -> None:
    now = timezone.now()
    silences.ask(Match(participants=("ship*",)), "OPS-1", now + timedelta(hours=1), ANNA, now)
    known = silences.in_force(now)
    assert silences.hiding(Subject(participant="shipping"), known, now)
    assert not silences.hiding(Subject(participant="payment"), known, now)
    assert silences.in_force(now + timedelta(hours=1)) == []
    assert silences.end(AlertSilence.objects.get(), ANNA, now)
    assert not silences.end(AlertSilence.objects.get(), ANNA, now)
    assert "silence.created" in audited() and "silence.ended" in audited()


def test_that_nobody_is_heard_is_only_hidden_where_it_is_named() -> None:
    now = timezone.now()
    deaf = Subject(code=Code.SOURCE_SILENT, severity="error")
    for match, hides in ((Match(when="true"), False), (Match(codes=(Code.SOURCE_SILENT,)), True)):
        silence = silences.Silenced(AlertSilence(), match)
        assert silence.hides(deaf, now) == hides
        assert silence.hides(Subject(code=Code.SOURCE_SILENT, participant="a"), now)


def test_what_cannot_be_decided_is_not_hidden() -> None:
    silence = silences.Silenced(AlertSilence(), Match(when="stake.EUR < 5.0"))
    assert not silence.hides(Subject(), timezone.now())


@pytest.mark.parametrize(
    ("match", "reason", "hours", "said"),
    [
        (Match(), "why", 1, "at least one condition"),
        (Match(owners=("x",)), "  ", 1, "Say why"),
        (Match(owners=("x",)), "why", 0, "Let it end"),
        (Match(owners=("x",)), "why", 24 * 91, "Let it end"),
        (Match(when="count"), "why", 1, "must give bool"),
    ],
)
def test_a_silence_that_cannot_be_is_refused(match: Match, reason: str, hours: int, said: str) -> None:
    now = timezone.now()
    with pytest.raises(SilenceError, match=said):
        silences.ask(match, reason, now + timedelta(hours=hours), ANNA, now)


FILE = """
channels:
  - {name: ops, kind: webhook, config: {urls: ["https://a.example/x"], secret: {env: OPS_SECRET}}}
  - {name: team, kind: email, config: {to: [a@shop.example], owner: true}, is_enabled: false}
routes:
  - name: payments
    match: {saga_types: ["pay*"], hours: {from: "09:00", to: "17:00", zone: Europe/Berlin}, when: "count > 3"}
    steps: [{channels: [ops]}, {channels: [team, ops], after: 10m}]
    repeats: 2
    zone: Europe/Berlin
    go_on: true
  - {name: default, steps: [{channels: [ALERT_EMAIL_TO]}]}
silences:
  - {match: {participants: [shipping]}, reason: OPS-1, expires_at: "2126-01-02T00:00:00+00:00"}
"""


def test_a_file_is_loaded_and_written_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(silences, "LONGEST", timedelta(days=99999))
    now = timezone.now()
    environment = {"OPS_SECRET": SECRET}
    files.load(FILE, "alerts.yaml", environment, ANNA, now)
    (payments,), default = routes.in_force().routes, routes.in_force().default
    assert [(step.channels, step.after) for step in payments.steps] == [(("ops",), 0), (("team", "ops"), 600)]
    assert str(payments.match.hours) == "Mon, Tue, Wed, Thu, Fri 09:00–17:00 Europe/Berlin"
    assert default.steps[0].channels == ("ALERT_EMAIL_TO",)
    written = files.dump(now)
    assert SECRET not in written and "env: OPS_SECRET" in written
    entries = AuditEntry.objects.count()
    files.load(written, "again.yaml", environment, ANNA, now)
    assert files.dump(now) == written
    # Only the secret may be another.
    assert AuditEntry.objects.count() == entries + 1
    assert AlertSilence.objects.count() == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("kind: email", "kind: pigeon"), "There are no channels of the kind 'pigeon'"),
        (("after: 10m", "after: 10"), "must be a duration"),
        (("[ops]}", "[ops, nobody]}"), "There is no channel 'nobody'"),
        (("count > 3", "count >"), "something is missing at the end"),
        (("OPS_SECRET", "NO_SECRET"), "the environment holds no NO_SECRET"),
        (("reason: OPS-1", 'reason: ""'), "Say why"),
        (("name: payments", "name: default"), "two routes have the same name"),
        (("go_on: true", "go_in: true"), "unknown field `go_in`"),
    ],
)
def test_a_file_with_a_mistake_changes_nothing(change: tuple[str, str], said: str) -> None:
    with pytest.raises(FileError, match=said):
        files.load(FILE.replace(*change), "alerts.yaml", {"OPS_SECRET": SECRET}, ANNA, timezone.now())
    assert not Channel.objects.filter(is_built_in=False).exists()
    assert not AuditEntry.objects.exists()


def test_a_match_is_stored_as_it_is_read() -> None:
    match = Match(codes=(Code.STEP_IN_DOUBT,), count_from=3)
    assert msgspec.convert(msgspec.to_builtins(match), Match) == match


def test_a_removed_channel_leaves_no_secret_but_what_was_sent_there() -> None:
    old = setup.save_channel("ops", "webhook", HOOK, ANNA)
    alert = Alert.objects.create(occasion="notice", created_at=timezone.now(), summary={"title": "x"})
    one = {"alert": alert, "channel": old, "next_attempt_at": timezone.now()}
    sent = Delivery.objects.create(**one, target="https://a.example/x", message_id=uuid4(), state="sent")
    waits = Delivery.objects.create(**one, target="https://b.example/y", message_id=uuid4())
    assert setup.remove_channel("ops", ANNA, timezone.now())
    assert not setup.remove_channel("ops", ANNA, timezone.now())
    old.refresh_from_db()
    assert (old.config, old.is_enabled) == ({}, False)
    assert not registered.usable(["ops"]) and "ops" not in str(files.dump(timezone.now()))
    # What waited is told elsewhere; what was sent stays as it was.
    sent.refresh_from_db()
    waits.refresh_from_db()
    assert (sent.state, waits.state) == ("sent", "failed")
    assert waits.tries.get().error == "The channel was removed before."
    assert AuditEntry.objects.filter(action="channel.removed", object_id="ops").count() == 1
    # Its name is free, also for another kind.
    new = setup.save_channel("ops", "email", {"to": "a@shop.example"}, ANNA, is_new=True)
    assert registered.usable(["ops"]) == [new]


def test_what_was_not_sent_before_its_channel_was_removed_is_told_by_default(settings: Any) -> None:
    settings.ALERT_EMAIL_TO = ["oncall@shop.example"]
    setup.save_channel("ops", "webhook", HOOK, ANNA)
    setup.save_route(route("all", "ops"), ANNA)
    define()
    put("saga.started charge:S charge:C ship:S", "o-1", ago=31)
    sweep()
    assert {one.target for one in Delivery.objects.all()} == {"https://a.example/x", "https://b.example/y"}
    setup.remove_route("all", ANNA)
    setup.remove_channel("ops", ANNA, timezone.now())
    health.see_to(timezone.now())
    assert Delivery.objects.filter(state="pending", target="oncall@shop.example").count() == 1


@pytest.mark.parametrize(
    ("name", "said"), [("ops", "Take it out of what still leads to it first: “all”, “off”."),
                       ("ALERT_EMAIL_TO", "The settings name it.")]
)  # fmt: skip
def test_a_channel_that_is_still_named_stays(name: str, said: str) -> None:
    registered.usable([registered.EMAIL])
    setup.save_channel("ops", "webhook", HOOK, ANNA)
    setup.save_route(route("all", "ops"), ANNA)
    setup.save_route(route("off", "ops", is_enabled=False), ANNA)
    with pytest.raises(SetupError) as error:
        setup.remove_channel(name, ANNA, timezone.now())
    assert said in str(error.value)
    assert registered.usable([name]) and not AuditEntry.objects.filter(action="channel.removed").exists()


@pytest.mark.parametrize(("remove", "why"), [(False, "is switched off"), (True, "was removed")])
def test_a_dead_channel_that_is_given_up_is_over_where_it_was_told(
    settings: Any, remove: bool, why: str
) -> None:
    settings.ALERT_EMAIL_TO = ["oncall@shop.example"]
    row = setup.save_channel("ops", "webhook", HOOK, ANNA)
    now = timezone.now()
    health.refused(row, "It answered 503", now - timedelta(minutes=3))
    assert health.see_to(now) == 1
    if remove:
        setup.remove_channel("ops", ANNA, now)
    else:
        setup.save_channel("ops", "webhook", HOOK, ANNA, is_enabled=False)
        # Once: it is not told again when something else is changed.
        setup.save_channel("ops", "webhook", HOOK, ANNA, is_enabled=False, per_minute=7)
    told = [one.summary for one in Alert.objects.order_by("pk")]
    assert [one["title"] for one in told] == [f"The channel “ops” {said}" for said in ("takes nothing", why)]
    assert [one["occasion"] for one in told] == ["notice", "resolved"]
    assert told[0]["about"] == told[1]["about"] != ""
