"""Definitions: steps, text, versions, and the types that nobody described."""

from sagas import definitions
from tests.console.cast import Person
from tests.console.web.scene import ADA, Scene, make_saga, page


def test_a_definition_is_shown_with_its_steps_and_its_text(scene: Scene, viewer: Person) -> None:
    html = page(viewer, "/definitions/order-fulfilment/3/")
    for text in (
        "Order fulfilment",
        "charge card",
        "refund card",
        "POST /compensations/charge-card",
        "pivot",
    ):
        assert text in html
    for text in ("30 s", "5 min", "GET /steps/ship-parcel?saga={saga}", "total.currency", "order_id"):
        assert text in html
    assert "kind: compensatable" in html
    assert "orders.yaml" not in html


def test_types_that_nobody_described_are_listed(scene: Scene, viewer: Person) -> None:
    make_saga("x", saga_type="never-described")
    html = page(viewer, "/definitions/")
    assert "Order fulfilment" in html
    assert "never-described" in html[html.index("Seen, but not described") :]


def test_an_older_version_says_so(scene: Scene, viewer: Person) -> None:
    newer = scene.definition.source.replace('version: "3"', 'version: "4"')
    definitions.load(newer, "orders.yaml", ADA)
    assert "Not the newest" in page(viewer, "/definitions/order-fulfilment/3/")
    assert "Not the newest" not in page(viewer, "/definitions/order-fulfilment/4/")
