"""The list of repairs."""

from tests.console.cast import Person
from tests.console.web.scene import Scene, make_repair, make_saga, page


def test_repairs_are_listed_with_their_progress(scene: Scene, operator: Person) -> None:
    mine = make_repair(make_saga("mine"), state="done", started_by=operator.user)
    html = page(operator, "/repairs/")
    assert f"R-{scene.repair.pk}" in html
    assert "1 of 2" in html
    assert "Ticket OPS-2291" in html
    only = page(operator, "/repairs/?by=me")
    assert f"R-{mine.pk}" in only
    assert f"R-{scene.repair.pk}<" not in only
    assert f"R-{mine.pk}" in page(operator, "/repairs/?state=done")
    assert "No repair is stopped." in page(operator, "/repairs/?state=stopped")
    assert "No repair is stopped that you started." in page(operator, "/repairs/?state=stopped&by=me")


def test_with_no_repair_it_says_where_one_starts(viewer: Person) -> None:
    assert "Nothing was repaired yet." in page(viewer, "/repairs/")
