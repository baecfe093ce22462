"""A definition written from what was seen: the page, the file, and the API's answer are the same text."""

import pytest

from sagas import definitions
from tests.console.cast import Person
from tests.console.web.scene import Scene, make_saga, page
from tests.sagas.storing import define, put

GOOD = "saga.started reserve:S reserve:C charge:S charge:C saga.completed"
PAGE = "/definitions/seen/?type=order"
FILE = "/definitions/seen.yaml?type=order"


def test_it_is_shown_downloaded_and_answered_to_the_letter(viewer: Person) -> None:
    put(GOOD)
    html = page(viewer, PAGE)
    assert "order, as it was seen" in html
    assert "the 2 steps that were never seen undone can be" in html
    assert html.count('class="node node-compensatable"') == 4
    file = viewer.browser.get(FILE)
    assert file["Content-Type"] == "text/yaml; charset=utf-8"
    assert file["Content-Disposition"] == 'attachment; filename="order.yaml"'
    answer = viewer.program.get("/api/v1/definitions/seen?type=order")
    assert answer["Content-Type"] == "application/yaml"
    assert answer.content == file.content
    assert [step.name for step in definitions.parse(file.content.decode(), "x").steps] == [
        "reserve",
        "charge",
    ]


def test_it_loads_unchanged(admin: Person) -> None:
    put(GOOD)
    text = admin.program.get("/api/v1/definitions/seen?type=order").content
    loaded = admin.program.post("/api/v1/definitions", text, content_type="application/yaml")
    assert loaded.status_code == 201
    assert page(admin, "/definitions/order/1/")


def test_a_type_that_has_one_is_told_what_differs(viewer: Person) -> None:
    define()
    put("saga.started charge:S charge:C pack:S pack:C saga.completed")
    html = page(viewer, PAGE)
    assert "Against v1" in html
    assert "Step pack was added." in html
    assert "Step ship was removed." in html


def test_what_was_never_heard_of_is_not_found(scene: Scene, viewer: Person) -> None:
    for query in ("?type=no-such-type", "?type=", "", "?type=%00"):
        assert viewer.browser.get(f"/definitions/seen/{query}").status_code == 404
        assert viewer.browser.get(f"/definitions/seen.yaml{query}").status_code == 404
    assert viewer.program.get("/api/v1/definitions/seen?type=no-such-type").json()["code"] == "not_found"
    missing = viewer.program.get("/api/v1/definitions/seen")
    assert missing.status_code == 400
    assert missing.json()["errors"] == [{"parameter": "type", "detail": "Must name a saga type."}]


@pytest.mark.parametrize(
    ("saga_type", "file"),
    [
        ("../../etc/passwd", "etc-passwd.yaml"),
        ('a"; filename="b', "a-filename-b.yaml"),
        ("Bücher", "B-cher.yaml"),
        ("…", "definition.yaml"),
        ("x" * 200, f"{'x' * 80}.yaml"),
    ],
)
def test_the_name_of_the_file_is_harmless(viewer: Person, saga_type: str, file: str) -> None:
    make_saga("1", saga_type=saga_type)
    answer = viewer.browser.get("/definitions/seen.yaml", {"type": saga_type})
    assert answer["Content-Disposition"] == f'attachment; filename="{file}"'


def test_what_was_seen_is_tried_as_it_is(scene: Scene, admin: Person) -> None:
    html = page(admin, "/trials/?seen=order-fulfilment")
    assert "type: order-fulfilment" in html
    assert page(admin, "/trials/?seen=nobody-heard-of-it").count("type: ") == 0
