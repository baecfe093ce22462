"""The quarantine: events as they came, narrowed, replayed."""

from sagas.models import AuditEntry, Quarantined
from tests.console.cast import Person
from tests.console.web.scene import Scene, make_quarantined, page


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
    assert page(viewer, "/quarantine/").count("data-row") == 2
    assert page(viewer, "/quarantine/?reason=out_of_scope").count("data-row") == 1
    assert page(viewer, "/quarantine/?participant=shipping").count("data-row") == 2
    assert "No event waits here that matches." in page(viewer, "/quarantine/?participant=nobody")
    assert "Nothing was replayed" in page(viewer, "/quarantine/?state=replayed")
    Quarantined.objects.all().delete()
    assert "Every event was understood." in page(viewer, "/quarantine/")
