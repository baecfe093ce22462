"""The quarantine: events as they came, narrowed, replayed."""

import pytest
from django.db import connection
from pytest_django import Settings

from sagas import definitions, ingest, replays
from sagas.events import Reason, Refused
from sagas.models import AuditEntry, ForeignType, Quarantined
from tests.console.cast import Person
from tests.console.web.scene import ADA, Scene, make_orphan, make_quarantined, page

MAPS = """\
type: parcel
version: "1"
steps: [{name: pack, kind: pivot}]
events:
  - type: com.shop.order.shipped.*
    when: has(event.subject) || true
    kind: step.completed
    step: {cel: "'pack'"}
    saga: "has(event.data) ? event.data.parcel : event.id"
  - {type: never, kind: saga.note, saga: event.data.parcel}
"""


def test_a_quarantined_event_is_shown_as_it_came(scene: Scene, viewer: Person) -> None:
    kept = make_quarantined(scene.shipping, body=b"\xff\x00<b>no json</b>", saga_types=["order-fulfilment"])
    html = page(viewer, f"/quarantine/{kept.pk}/")
    assert "\\xff\\x00&lt;b&gt;no json&lt;/b&gt;" in html
    assert "16 bytes" in html
    assert "order-fulfilment" in html


def test_a_long_body_is_cut_and_says_so(scene: Scene, viewer: Person) -> None:
    kept = make_quarantined(scene.shipping, body=b"x" * 70_000)
    html = page(viewer, f"/quarantine/{kept.pk}/")
    assert "70000 bytes, the first 65,536 shown" in html
    assert "x" * 65_536 in html
    assert "x" * 65_537 not in html


def test_events_are_replayed_and_what_became_of_them_is_told(scene: Scene, operator: Person) -> None:
    good = make_quarantined(
        scene.shipping,
        reason="unknown_type",
        saga_types=["order-fulfilment"],
        body=b'{"specversion":"1.0","id":"e-1","source":"/shipping","type":"step.completed",'
        b'"correlationid":"order-8492","sagatype":"order-fulfilment","sagastep":"ship-parcel"}',
    )
    answer = operator.browser.post(
        "/quarantine/replay", {"id": [good.pk, scene.quarantined.pk], "back": "reason=unknown_type"}
    )
    assert answer["Location"] == "/quarantine/?reason=unknown_type"
    assert "1 taken, 1 refused again." in page(operator, "/quarantine/")
    good.refresh_from_db()
    assert good.state == Quarantined.State.REPLAYED
    assert scene.saga.events.count() == 1
    assert AuditEntry.objects.first().action == "quarantine.replayed"


def test_choosing_nothing_replays_nothing(scene: Scene, operator: Person) -> None:
    operator.browser.post("/quarantine/replay", {"id": ["x", "\0", ""]})
    assert "Choose events to replay." in page(operator, "/quarantine/")


def test_the_way_back_stays_here(scene: Scene, operator: Person) -> None:
    answer = operator.browser.post("/quarantine/replay", {"back": "//evil.example/?a=b"})
    assert answer["Location"].startswith("/quarantine/?")


def test_the_quarantine_is_narrowed_and_says_why_it_is_empty(scene: Scene, viewer: Person) -> None:
    make_quarantined(scene.shipping, reason="out_of_scope", detail="its key may not")
    # And the type of an orphan, which is listed only where it is asked for.
    assert page(viewer, "/quarantine/").count("data-row") == 3
    assert page(viewer, "/quarantine/?reason=out_of_scope").count("data-row") == 2
    assert page(viewer, "/quarantine/?participant=shipping").count("data-row") == 4
    assert "No event waits here that matches." in page(viewer, "/quarantine/?participant=nobody")
    assert "Nothing was replayed" in page(viewer, "/quarantine/?state=replayed")
    Quarantined.objects.exclude(reason="orphan_event").delete()
    assert "Every event was understood, but for those above." in page(viewer, "/quarantine/")
    Quarantined.objects.all().delete()
    ForeignType.objects.all().delete()
    assert "Every event was understood." in page(viewer, "/quarantine/")


def test_foreign_types_are_told_with_what_waits_and_who_maps_them(scene: Scene, viewer: Person) -> None:
    for _ in range(3):
        make_orphan(scene.shipping, "com.shop.order.lost.v1")
    definitions.load(MAPS, "parcel.yaml", ADA)
    html = page(viewer, "/quarantine/")
    lost, shipped = html.index("com.shop.order.lost.v1"), html.index("com.shop.order.shipped.v1")
    assert lost < shipped
    assert '<span class="strong">3</span>' in html[lost:shipped]
    assert "no definition yet" in html[lost:shipped]
    assert '<span class="mono">parcel</span>' in html[shipped:]
    assert "Replay all" not in html.replace("Replay all</button>", "")
    narrowed = page(viewer, f"/quarantine/?type={scene.orphan.foreign_type_id}")
    assert f'id="kept-{scene.orphan.pk}"' in narrowed
    assert narrowed.count('id="kept-') == 1


@pytest.mark.parametrize("plans", [(), ("hashjoin", "mergejoin", "hashagg", "sort", "material")])
def test_what_made_room_is_told(
    scene: Scene, viewer: Person, settings: Settings, plans: tuple[str, ...]
) -> None:
    """Whatever way the database takes: as few go as have to."""
    settings.FOREIGN_EVENTS_KEPT = 2
    for plan in plans:
        connection.cursor().execute(f"SET LOCAL enable_{plan} = off")
    for _ in range(4):
        make_orphan(scene.shipping, "com.shop.order.lost.v1")
    assert "the newest; 2 older made room" in page(viewer, "/quarantine/")


def test_what_made_room_is_told_by_reason(scene: Scene, viewer: Person, settings: Settings) -> None:
    settings.REFUSED_EVENTS_KEPT = 2
    bad = Refused(Reason.BAD_TIME, "time is bad.", b"{}")
    ingest.store([bad] * 5, participant=scene.shipping)
    told = "from shipping: the newest 2 are kept; 3 older made room."
    assert told in page(viewer, "/quarantine/")
    assert told in page(viewer, "/quarantine/?reason=bad_time&participant=shipping")
    for elsewhere in ("reason=bad_data", "participant=other", "state=replayed"):
        assert "made room" not in page(viewer, f"/quarantine/?{elsewhere}")


def test_orphans_are_nobodys_mistake(scene: Scene, viewer: Person) -> None:
    make_orphan(scene.shipping, "com.shop.order.lost.v1")
    badge = page(viewer, "/").partition('id="badge-quarantine"')[2].partition("</span>")[0]
    assert ">1<" in badge


def test_a_type_is_replayed_and_followed(scene: Scene, operator: Person, viewer: Person) -> None:
    definitions.load(MAPS, "parcel.yaml", ADA)
    address = f"/quarantine/types/{scene.orphan.foreign_type_id}/replay"
    answer = operator.browser.post(address)
    assert answer.status_code == 303
    where = answer["Location"]
    assert "0 of 1 read again" in page(viewer, where)
    assert "Being replayed" in page(viewer, "/quarantine/")
    replays.go_on()
    html = page(viewer, where)
    assert "1 of 1 read again" in html
    assert "<dt>Taken</dt><dd>1</dd>" in html
    assert "replay.finished" in html
    answer = operator.browser.post(address)
    assert answer["Location"] == "/quarantine/"
    assert "No event of this type waits any more." in page(operator, "/quarantine/")


def test_a_replay_tells_what_went_elsewhere(scene: Scene, viewer: Person) -> None:
    html = page(viewer, f"/quarantine/replays/{scene.replay.pk}/")
    assert "<dt>Gone meanwhile</dt><dd>1 " in html
    assert "<dt>Refused again</dt><dd>3 " in html


def test_a_definition_shows_what_it_takes_and_what_waits(scene: Scene, viewer: Person) -> None:
    definitions.load(MAPS, "parcel.yaml", ADA)
    html = page(viewer, "/definitions/parcel/1/")
    assert "1 event in quarantine is of a type that it maps." in html
    assert "<code>event.data.parcel</code>" in html
