"""The audit log: filtered, verified, with what changed."""

import re
from datetime import timedelta

from django.db import connection
from django.utils import timezone

from sagas.audit import anchors
from sagas.models import AuditEntry
from tests.console.cast import Person
from tests.console.web.scene import Scene, page


def test_the_audit_log_is_filtered(scene: Scene, viewer: Person) -> None:
    def rows(query: str) -> int:
        return page(viewer, f"/audit/?{query}").count("data-row")

    everything = AuditEntry.objects.count()
    assert rows("") == everything == 4
    assert rows("actor=ada") == 4
    assert rows("actor=ad") == 4
    assert rows("actor=bob") == 0
    assert rows("action=participant.") == 2
    assert rows("object=definition") == 1
    assert rows("object=participant:ship") == 2
    assert rows("saga=order-8492") == 0
    assert rows("object=participant:hip") == 0
    tomorrow = timezone.now() + timedelta(days=1)
    assert rows(f"since={tomorrow:%Y-%m-%dT%H:%M}") == 0
    assert rows(f"until={tomorrow:%Y-%m-%d}") == 4
    assert "No entry matches." in page(viewer, "/audit/?actor=bob")


def test_times_are_asked_for_in_the_viewers_zone(scene: Scene, viewer: Person) -> None:
    viewer.browser.cookies["zone"] = "Asia/Tokyo"
    here = timezone.now() + timedelta(hours=9)
    assert page(viewer, f"/audit/?since={here + timedelta(minutes=2):%Y-%m-%dT%H:%M}").count("data-row") == 0
    assert page(viewer, f"/audit/?since={here - timedelta(minutes=2):%Y-%m-%dT%H:%M}").count("data-row") == 4


def test_the_chain_is_verified_on_request(scene: Scene, viewer: Person) -> None:
    html = viewer.browser.post("/audit/verify").content.decode()
    assert "Chain verified" in html
    assert "to #4" in html
    assert "anchored" not in html
    anchors.write(timezone.now())
    assert "anchored to #4" in viewer.browser.post("/audit/verify").content.decode()
    assert "anchored to #4" in page(viewer, "/audit/")
    fragment = viewer.browser.post("/audit/verify", headers={"HX-Request": "true", "HX-Target": "chain"})
    assert "<html" not in fragment.content.decode()


def test_a_changed_entry_is_seen_on_the_page_and_by_the_chain(scene: Scene, viewer: Person) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("UPDATE sagas_auditentry SET actor = 'mallory' WHERE sequence = 2")
        cursor.execute("SET LOCAL session_replication_role = DEFAULT")
    html = page(viewer, "/audit/")
    assert re.search(r'id="entry-2"[^>]*row-bad', html)
    assert not re.search(r'id="entry-[13]"[^>]*row-bad', html)
    assert "Chain broken" in viewer.browser.post("/audit/verify").content.decode()


def test_before_and_after_are_shown(scene: Scene, viewer: Person, admin: Person) -> None:
    admin.browser.post("/participants/shipping/settings", {"base_url": "", "owner": "new owner"})
    html = page(viewer, "/audit/")
    assert "&quot;owner&quot;: &quot;new owner&quot;" in html
    assert "&quot;owner&quot;: &quot;shipping@shop.example&quot;" in html
