"""Nothing that is masked is seen by anybody, at any address, until somebody who may presses "Show"."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from compensation.models import ActionAttempt, RepairAction
from console import anchors
from console.audit_search import Search
from console.exports import asking, files, writing
from sagas import audit, definitions
from sagas.alerts import intents
from sagas.alerts.channels.email.sending import compose
from sagas.alerts.channels.webhook.sending import payload
from sagas.alerts.delivery import message_of
from sagas.detection.sweep import sweep
from sagas.models import (
    Alert,
    AuditEntry,
    Channel,
    Delivery,
    Event,
    Finding,
    Problem,
    Quarantined,
    Saga,
    SagaKey,
)
from sagas.vocabulary import Code
from tests.console import cast, world
from tests.console.cast import Person
from tests.console.matrix import NEW_DEFINITION, NOBODY, OTHERS_OWN, PAGES, PROGRAMS, STREAMS, Row
from tests.console.test_matrix import asked, send, undone

pytestmark = pytest.mark.django_db

MARKER = "zyx.marker.4711@hidden.example"
MASK = "•••"
# What the newest definition says; the sagas run under the one before it, which masks nothing.
MASKED = 'masked: [customer.email, "lines.*.to", receipt_to, note]\n'
RULES = """\
rules:
  - name: known-customer
    expression: data.customer.email == "nobody"
    message: Order {key.order} is of {data.customer.email}, {key.customer}.
    severity: error
    settle: 500ms
"""
BODY = """\
      body:
        saga: "{saga}"
        reservation: "{data.reservation_id}"
        to: "{data.receipt_to}"
        text: "for {key.customer}"
        list: ["{data.receipt_to}"]
        reason: "{reason}"
"""
CHANGES = {
    "keys:\n": f"{RULES}keys:\n  customer: customer.email\n",
    "display:\n": "display:\n  receipt: receipt_to\n  both: [order_id, customer.email]\n",
    '      body: {saga: "{saga}", reservation: "{data.reservation_id}", reason: "{reason}"}\n': BODY,
    "?saga={saga}": "?of={key.customer}",
}


def changed(text: str) -> str:
    for old, new in CHANGES.items():
        assert old in text
        text = text.replace(old, new)
    return text


YAML = changed(world.YAML)
ABOUT = json.dumps(
    {
        "order_id": 8492,
        "total": {"amount": 49, "currency": "EUR"},
        "customer": {"email": MARKER, "name": "Ada"},
        "lines": [{"to": MARKER, "sku": "s-1"}, {"to": {"also": [MARKER]}}],
    }
)
RESERVED = json.dumps({"reservation_id": "rs-1", "receipt_to": MARKER})


@dataclass(frozen=True)
class Stage:
    built: world.World
    people: dict[str, Person]
    orphan: Quarantined


@pytest.fixture(scope="module")
def stage(django_db_setup: None, django_db_blocker: Any) -> Iterator[Stage]:
    with django_db_blocker.unblock(), undone(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(world, "YAML", YAML)
        patch.setattr(world, "ABOUT", ABOUT)
        patch.setattr(world, "RESERVED", RESERVED)
        people = {name: who for name, who in cast.everyone().items() if name != "outsider"}
        for who in people.values():
            assert who.browser and who.program
        built = world.build()
        answer(built)
        quarantine(built)
        sweep(timezone.now())
        newest = YAML.replace('version: "1"', 'version: "1.1"') + MASKED
        definitions.load(newest, "order.yaml", world.US)
        yield Stage(built, people, Quarantined.objects.get(foreign_type=built.foreign_type))


ENVELOPE = {"specversion": "1.0", "id": "e-1", "source": "//shop"}


def answer(built: world.World) -> None:
    """What the participant said to the repair's request: the payload, wrapped and bare, and as plain text."""
    action = built.repair.actions.get()
    now = timezone.now()
    said = {"data": {"receipt_to": MARKER}, "receipt_to": MARKER, "detail": "not today"}
    for number, text in enumerate([json.dumps(said), f"<to>{MARKER}</to>"], start=1):
        ActionAttempt.objects.create(
            action=action, number=number, started_at=now, finished_at=now, status_code=409, answer=text
        )
    RepairAction.objects.filter(pk=action.pk).update(
        state=RepairAction.State.REFUSED, result={"detail": f"409: <to>{MARKER}</to>", "answer": said}
    )
    audit.record(
        world.US,
        "action.refused",
        ("repair", str(built.repair)),
        saga=built.saga,
        after={"result": {"detail": f"409: <to>{MARKER}</to>", "answer": said}},
    )


def quarantine(built: world.World) -> None:
    """One that names the type, one that nobody mapped, and one that a mapping failed on."""
    known = {"sagatype": "order", "data": {"customer": {"email": MARKER}}}
    Quarantined.objects.filter(pk=built.quarantined.pk).update(body=json.dumps(known).encode())
    Quarantined.objects.filter(foreign_type=built.foreign_type).update(
        body=json.dumps(ENVELOPE | {"type": "OrderShipped", "data": MARKER}).encode(),
        reason="mapping_failed",
        detail=f'order v1, events[0]: kind must be a kind; got "{MARKER}".',
    )


def holds(answer: Any) -> bool:
    """The marker, by the part of it that no escaping changes. What files hold is tried by itself."""
    return not answer.streaming and b"zyx.marker" in answer.content


SHOWING = {row.route for row in PAGES if row.route.endswith("/show")}
LOOKS = [
    row
    for row in (*PROGRAMS, *PAGES)
    if row.allowed != NOBODY and row.route not in STREAMS | OTHERS_OWN | SHOWING
]
# Beside the rows of the matrix, what their addresses can be asked for.
MORE = [
    Row("more", "GET", frozenset(), address=address)
    for address in (
        "sagas/order/o%2F1/?tab=events",
        "sagas/order/o%2F1/?tab=findings",
        "sagas/order/o%2F1/?tab=repairs",
        "sagas/order/o%2F1/?tab=audit",
        "sagas/order/o%2F1/?tab=definition",
        "sagas/order/o%2F1/?tab=related",
        "sagas/order/o-2/repair?intent=ask",
        "sagas/order/o-2/repair?intent=record&step=ship-parcel&outcome=failed",
        "sagas/?q=o",
        "sagas/?type=order",
        "audit/?action=repair",
        "quarantine/?reason=mapping_failed",
        "quarantine/?reason=missing_attribute",
        "definitions/order/1.1/",
        "api/v1/sagas?type=order",
        "api/v1/sagas/order/o-2",
        "api/v1/audit?limit=200",
    )
]


def test_what_is_masked_can_be_accepted_as_it_was_seen(stage: Stage) -> None:
    """The digest is of what is behind the mask, for whoever looks at it."""
    program = stage.people["operator"].program
    findings = program.get("/api/v1/sagas/order/o%2F1").json()["findings"]
    [seen] = [found for found in findings if found["code"] == Code.RULE_BROKEN]
    assert MASK in seen["detail"]["values"].values()
    given = {"reason": "known", "digest": seen["digest"]}
    with undone():
        answer = cast.post(program, f"sagas/order/o%2F1/findings/{seen['id']}/accept", given)
    assert answer.status_code == 200


def test_the_marker_is_everywhere(stage: Stage) -> None:
    """Else the sweep below proves nothing."""
    assert SagaKey.objects.filter(value=MARKER).count() == 4
    assert all(MARKER in str(saga.display) for saga in Saga.objects.all())
    finding = Finding.objects.filter(code=Code.RULE_BROKEN).first()
    assert finding and MARKER in finding.detail["message"] and MARKER in str(finding.detail["values"])
    assert MARKER in finding.problem.explanation
    assert (
        MARKER in str(stage.built.repair.plan) and MARKER in stage.built.repair.actions.get().request["body"]
    )
    assert MARKER in str(AuditEntry.objects.get(action="repair.started").after)
    assert Event.objects.filter(data__contains=MARKER).count() == 4


@pytest.mark.parametrize(
    "row", [*LOOKS, *MORE], ids=lambda row: f"{row} {row.address}" if row in MORE else str(row)
)
def test_nobody_sees_the_marker(row: Row, stage: Stage) -> None:
    for name, who in stage.people.items():
        with undone():
            address, body = asked(row, stage.built, who)
            in_browser = row in PAGES or not address.startswith("api/")
            answer = send(who.browser if in_browser else who.program, row, address, body)
            assert answer.status_code < 500 or row.route == "readyz"
            assert not holds(answer), f"{name} sees it at {address}"


@pytest.mark.parametrize("what", [Code.RULE_BROKEN, Code.STEP_IN_DOUBT])
def test_nobody_sees_it_in_what_was_found(stage: Stage, what: Code) -> None:
    for finding in Finding.objects.filter(code=what).select_related("saga"):
        for address in (
            f"/problems/{finding.problem_id}/",
            f"/problems/{finding.problem_id}/accept",
            f"/?open={finding.problem_id}",
            f"/api/v1/problems/{finding.problem_id}",
            f"/api/v1/sagas/order/{finding.saga.saga_id.replace('/', '%2F')}",
            f"/sagas/order/{finding.saga.saga_id.replace('/', '%2F')}/findings/{finding.pk}/accept",
        ):
            for who in stage.people.values():
                client = who.program if address.startswith("/api") else who.browser
                answer = client.get(address)
                assert answer.status_code == 200 and not holds(answer), address


def test_what_is_not_masked_is_seen(stage: Stage) -> None:
    viewer = stage.people["viewer"]
    page = viewer.browser.get("/sagas/order/o%2F1/?tab=events").content.decode()
    assert MASK in page and "Ada" in page and "s-1" in page and "rs-1" in page
    shown = viewer.program.get("/api/v1/sagas/order/o%2F1").json()
    assert shown["keys"] == {"customer": MASK, "order": "8492"}
    assert shown["display"] == {"receipt": MASK, "both": MASK, "total": "49 EUR"}
    (broken,) = [one for one in shown["findings"] if one["code"] == "rule_broken"]
    assert broken["detail"]["message"] == f"Order {MASK} is of {MASK}, {MASK}."
    assert broken["detail"]["values"] == {"data.customer.email": MASK}
    event = viewer.program.get("/api/v1/sagas/order/o%2F1/events").json()["results"][0]
    assert event["data"]["customer"] == {"email": MASK, "name": "Ada"}
    assert event["data"]["lines"] == [{"to": MASK, "sku": "s-1"}, {"to": MASK}]


def test_a_plan_is_masked_and_starts_what_is_clear(stage: Stage) -> None:
    operator = stage.people["operator"]
    with undone():
        where = "sagas/order/o-2/repairs"
        preview = cast.post(
            operator.program, f"{where}/preview", {"intent": "compensate", "step": "reserve-stock"}
        ).json()
        (action,) = preview["plan"]["actions"]
        assert json.loads(action["request"]["body"]) == {
            "saga": "o-2",
            "reservation": "rs-1",
            "to": MASK,
            "text": MASK,
            "list": [MASK],
            "reason": "{reason}",
        }
        given = {"intent": "compensate", "step": "reserve-stock", "reason": "OPS-1"}
        given |= {"revision": preview["revision"], "plan_hash": preview["plan_hash"]}
        started = cast.post(operator.program, where, given)
        assert started.status_code == 201
        sent = RepairAction.objects.get(repair=started.json()["id"]).request["body"]
        assert json.loads(sent)["to"] == MARKER


def unmasked() -> list[tuple[Any, ...]]:
    entries = AuditEntry.objects.filter(action="payload.unmasked").order_by("sequence")
    return [(one.actor, one.object_kind, one.object_id, one.saga_id, one.after) for one in entries]


@pytest.mark.parametrize("role", ["approver", "admin"])
def test_who_may_sees_it_after_a_press_which_is_kept(stage: Stage, role: str) -> None:
    who, built = stage.people[role], stage.built
    event = {"source": "//shop/order", "id": "o/1 saga.started "}
    with undone():
        presses = [
            ("/sagas/order/o%2F1/events/show", event),
            ("/sagas/order/o-2/repair/show", {"intent": "compensate"}),
            (f"/repairs/{built.repair.pk}/show", {}),
            (f"/quarantine/{built.quarantined.pk}/show", {}),
            (f"/quarantine/{stage.orphan.pk}/show", {}),
        ]
        for address, given in presses:
            assert not who.browser.get(address).content.count(b"zyx.marker")
            assert holds(who.browser.post(address, given)), address
        assert unmasked() == [
            (role, "saga", "order/o/1", built.saga.pk, {"event": event}),
            (role, "saga", "order/o-2", built.well.pk, {"plan": {"intent": "compensate", "step": ""}}),
            (role, "repair", str(built.repair), built.saga.pk, None),
            (role, "quarantined", str(built.quarantined.pk), None, None),
            (role, "quarantined", str(stage.orphan.pk), None, None),
        ]
        # The next look is masked again.
        assert not holds(who.browser.get("/sagas/order/o%2F1/?tab=events"))


def test_a_press_by_htmx_gives_the_part_alone(stage: Stage) -> None:
    who, given = stage.people["approver"], {"source": "//shop/order", "id": "o/1 saga.started "}
    target = f"shown-{anchors.of_event(given['source'], given['id'])}"
    page = who.browser.get("/sagas/order/o%2F1/?tab=events").content.decode()
    assert f'hx-target="#{target}"' in page
    with undone():
        headers = {"HX-Request": "true", "HX-Target": target}
        answer = who.browser.post("/sagas/order/o%2F1/events/show", given, headers=headers)
        assert holds(answer) and b"<html" not in answer.content


@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_who_may_not_is_told_who_could(stage: Stage, role: str) -> None:
    who = stage.people[role]
    page = who.browser.get("/sagas/order/o%2F1/?tab=events").content.decode()
    assert "/events/show" not in page and "with the role approver or admin may see what is masked" in page
    refused = who.program.get("/api/v1/sagas/order/o%2F1/events?unmask=true")
    assert refused.status_code == 403 and "approver or admin" in refused.json()["detail"]
    assert not holds(refused) and unmasked() == []


def test_a_token_unmasks_and_that_is_kept(stage: Stage) -> None:
    who = stage.people["approver"]
    with undone():
        answer = who.program.get("/api/v1/sagas/order/o%2F1/events?unmask=true&limit=1")
        assert answer.json()["results"][0]["data"] == json.loads(ABOUT)
        [(actor, kind, name, saga, after)] = unmasked()
        assert (actor, kind, name, saga) == ("approver", "saga", "order/o/1", stage.built.saga.pk)
        assert after == {"events": [{"source": "//shop/order", "id": "o/1 saga.started "}]}
        assert not holds(who.program.get("/api/v1/sagas/order/o%2F1/events?unmask=false"))
        assert len(unmasked()) == 1


@pytest.mark.parametrize("asked_for", [MARKER, MARKER[:4], "8492 zyx"])
def test_a_masked_value_finds_nothing_for_who_may_not_see_it(stage: Stage, asked_for: str) -> None:
    for name, who in stage.people.items():
        found = who.program.get("/api/v1/sagas", {"q": asked_for}).json()["results"]
        page = who.browser.get("/sagas/", {"q": asked_for}).content
        is_found = name in {"approver", "admin"}
        assert bool(found) == is_found and (b'href="/sagas/order/o-2/"' in page) == is_found, name


def test_a_whole_key_finds_only_where_it_is_not_masked(stage: Stage) -> None:
    viewer = stage.people["viewer"]
    assert len(viewer.program.get("/api/v1/sagas", {"key": "order:8492"}).json()["results"]) == 2
    assert viewer.program.get("/api/v1/sagas", {"key": f"customer:{MARKER}"}).json()["results"] == []
    approver = stage.people["approver"]
    assert len(approver.program.get("/api/v1/sagas", {"key": f"customer:{MARKER}"}).json()["results"]) == 2


@pytest.mark.parametrize("asked_for", [{"key": f"customer:{MARKER}"}, {"q": MARKER}])
def test_what_a_batch_was_found_by_is_masked(stage: Stage, asked_for: dict[str, str]) -> None:
    given = {"intent": "ask", "reason": "OPS-7", "filter": {"type": "order", **asked_for}}
    answer = cast.post(stage.people["admin"].program, "batches", given)
    assert answer.status_code == 201, answer.content
    viewer, batch = stage.people["viewer"], answer.json()
    assert batch["selection"]["filter"]["type"] == ["order"] and MASK in batch["title"]
    for address in (f"batches/{batch['id']}", "batches", "audit?limit=5"):
        assert not holds(viewer.program.get(f"/api/v1/{address}")), address
    form = stage.people["admin"].browser.post(
        "/batches/new", {"intent": "ask", "reason": "OPS-7", "canary": "0", "most_failures": "5", "q": MARKER}
    )
    assert form.status_code == 303 and not holds(viewer.browser.get(form["Location"]))


def test_a_definition_tried_on_kept_events_quotes_nothing_of_them(stage: Stage) -> None:
    draft = f"{NEW_DEFINITION}events: [{{type: OrderShipped, kind: {{cel: event.data}}, saga: event.id}}]\n"
    given = {"text": draft, "kept": stage.built.foreign_type.pk}
    answer = stage.people["admin"].browser.post("/trials/samples", given)
    assert b"A mapping could not take it" in answer.content and not holds(answer)


@pytest.mark.parametrize("format", ["csv", "jsonl"])
def test_an_exported_log_is_masked(stage: Stage, format: str, settings: Any, tmp_path: Any) -> None:
    with undone():
        settings.DATA = tmp_path
        export = asking.ask(Search(), format, world.US)
        while writing.work():
            pass
        export.refresh_from_db()
        written = files.finished(export).read_text()
        assert export.written > 5 and "repair.started" in written
        assert MASK in written and "zyx.marker" not in written


def test_alerts_are_masked_whoever_reads_them(stage: Stage) -> None:
    with undone():
        # What was told before the masks were loaded is told once more.
        Alert.objects.all().delete()
        Problem.objects.update(told_count=0)
        assert intents.tell(timezone.now())
        alerts = list(Alert.objects.select_related("problem"))
        assert Code.RULE_BROKEN in {alert.problem.code for alert in alerts}
        told = [texts(alert) for alert in alerts]
        assert all("zyx.marker" not in text for texts_ in told for text in texts_)
        assert any(MASK in text for texts_ in told for text in texts_)


def texts(alert: Alert) -> list[str]:
    """All that its messages say."""
    message = message_of(Delivery(alert=alert, channel=Channel(name="all"), message_id=uuid4()))
    mail = compose(message, "a@shop.example")
    return [payload(message), str(mail.subject), str(mail.body), str(mail.alternatives)]
