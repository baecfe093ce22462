"""Trying a definition on its pages: text, mistakes, report, activation, samples; all without JavaScript."""

import hashlib
import json
import re
from html import unescape
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from sagas import participants
from sagas.models import AuditEntry, Definition, Event, Quarantined, Saga, Trial
from tests.console.cast import Person
from tests.console.web.scene import ADA, DRAFT, ORDERS, Scene, make_saga, make_trial, page
from tests.console.web.test_hostile import HOSTILE

MAPPED = """\
type: order-fulfilment
version: "5"
steps: [{name: ship-parcel, kind: pivot}]
events:
  - type: com.shop.order.shipped.*
    when: has(event.data.order)
    kind: step.completed
    step: ship-parcel
    saga: event.data.order
"""


def ask(somebody: Person, text: str, **more: Any) -> Any:
    return somebody.browser.post("/trials/", {"text": text, **more})


def text_in(html: str) -> str:
    (text,) = re.findall(r'<textarea[^>]*id="text"[^>]*>\n(.*?)</textarea>', html, re.DOTALL)
    return unescape(text)


def test_the_form_begins_with_what_is_loaded_or_was_tried(scene: Scene, admin: Person) -> None:
    assert text_in(page(admin, "/trials/")) == ""
    assert text_in(page(admin, "/trials/?type=order-fulfilment&version=3")) == ORDERS
    assert text_in(page(admin, f"/trials/?trial={scene.trial.pk}")) == DRAFT
    assert admin.browser.get("/trials/?type=order-fulfilment&version=33").status_code == 404
    assert 'href="/trials/"' in page(admin, "/definitions/")
    assert "/trials/?type=order-fulfilment&amp;version=3" in page(admin, "/definitions/order-fulfilment/3/")


def test_a_text_is_tried_as_it_was_written(scene: Scene, admin: Person) -> None:
    text = DRAFT.replace('"4"', '"6"')
    # As browsers send what is written.
    answer = ask(admin, text.replace("\n", "\r\n"))
    trial = Trial.objects.latest("pk")
    assert (answer.status_code, answer["Location"]) == (303, f"/trials/{trial.pk}/")
    assert trial.digest == hashlib.sha256(text.encode()).hexdigest()
    html = page(admin, answer["Location"])
    assert "Waiting" in html
    # Without JavaScript the page looks again by itself.
    assert '<noscript><meta http-equiv="refresh" content="5"></noscript>' in html
    assert f"T-{trial.pk}" in page(admin, "/trials/")
    assert not Definition.objects.filter(version="6").exists()


def test_a_file_is_tried_in_place_of_the_text(scene: Scene, admin: Person) -> None:
    text = DRAFT.replace('"4"', '"7"') + "# ä\r\n"
    answer = ask(admin, "not this", file=SimpleUploadedFile("x.yaml", text.encode()))
    assert answer.status_code == 303
    assert Trial.objects.latest("pk").text == text


@pytest.mark.parametrize(
    ("content", "told"), [(b"type: \xff", "is not UTF-8 (byte 6)"), (b"#" * 3_000_000, "is too large")]
)
def test_what_is_no_text_is_told(content: bytes, told: str, scene: Scene, admin: Person) -> None:
    before = Trial.objects.count()
    answer = ask(admin, "kept", file=SimpleUploadedFile("x.yaml", content))
    assert answer.status_code == 422
    assert told in answer.content.decode()
    assert text_in(answer.content.decode()) == "kept"
    assert Trial.objects.count() == before


def test_each_mistake_leads_to_its_line_and_is_marked_there(scene: Scene, admin: Person) -> None:
    before = Trial.objects.count(), AuditEntry.objects.count()
    text = ORDERS.replace("pivot", "foo").replace("deadline: 10s", "deadline: soon")
    answer = ask(admin, text)
    html = answer.content.decode()
    assert answer.status_code == 422
    assert text_in(html) == text
    assert "2 things to mend" in html
    written = text.splitlines()
    for wrong, column, message in (
        ("    deadline: soon", 15, "must be a duration"),
        ("    kind: foo", 11, "must be one of"),
    ):
        line = written.index(wrong) + 1
        assert (
            f'<a class="mono" href="#line-{line}" data-line="{line}">line {line}, column {column}</a>' in html
        )
        (shown,) = re.findall(rf'<li id="line-{line}" class="wrong-line">.*?</li>', html, re.DOTALL)
        assert f"<pre>{wrong}</pre>" in shown
        assert f'<pre class="mark-line">{" " * (column - 1)}^ ' in shown
        assert message in shown
    assert (Trial.objects.count(), AuditEntry.objects.count()) == before


@pytest.mark.parametrize(
    "text",
    [
        "",
        HOSTILE,
        f'type: "{HOSTILE.replace(chr(34), "")}"\nversion: 1\n',
        "a: &a [*a]",
        "&a [" * 500,
        "x" * 600_000,
        "\x00",
        "a:\n" * 5000,
        "? " * 100,
        "\t- \u202e",
    ],
    ids=range(10),
)
def test_hostile_texts_are_shown_as_text(text: str, scene: Scene, admin: Person) -> None:
    before = Trial.objects.count()
    answer = ask(admin, text)
    html = answer.content.decode()
    assert answer.status_code == 422
    assert "<script>alert" not in html
    assert "<img src=x" not in html
    assert len(html) < 2 * len(text) + 200_000
    assert Trial.objects.count() == before


def test_the_report_names_its_sagas_and_leads_to_them(scene: Scene, admin: Person) -> None:
    html = page(admin, f"/trials/{scene.trial.pk}/")
    assert "It would have flagged the one saga looked at for something never found before." in html
    assert "This rule would have flagged the one saga looked at, and could not be decided on 1." in html
    assert "No saga ran" in html
    assert "Nothing was found in any payload for" in html
    assert html.count('href="/sagas/order-fulfilment/order-8492/"') > 5
    assert "http-equiv" not in html


def test_sagas_that_are_gone_are_counted_and_not_named(scene: Scene, admin: Person) -> None:
    saga = make_saga("short-lived")
    trial = make_trial(saga, scene.saga, text=DRAFT + "# again\n")
    saga.delete()
    html = page(admin, f"/trials/{trial.pk}/")
    assert "short-lived" not in html
    assert "and 1 older" in html


def test_names_from_elsewhere_are_shown_as_text(scene: Scene, admin: Person) -> None:
    saga = make_saga(f"a/{HOSTILE}", keys={})
    trial = make_trial(saga, text=DRAFT.replace("Order fulfilment", "<script>alert(2)</script>"))
    Trial.objects.filter(pk=trial.pk).update(
        results=json.loads(json.dumps(trial.results).replace('"pack"', json.dumps(HOSTILE)))
    )
    for address in (f"/trials/{trial.pk}/", "/trials/"):
        html = page(admin, address)
        assert "<script>alert" not in html
        assert "<img src=x" not in html


def test_activating_loads_what_was_tried(scene: Scene, admin: Person) -> None:
    html = page(admin, f"/trials/{scene.trial.pk}/")
    (digest,) = re.findall(r'name="digest" value="(\w+)"', html)
    address = f"/trials/{scene.trial.pk}/activate"
    unsure = admin.browser.post(address, {"digest": digest})
    assert (unsure.status_code, "say that you have looked" in unsure.content.decode()) == (422, True)
    other = admin.browser.post(address, {"digest": "0" * 64, "sure": "on"})
    assert (other.status_code, "is not the text that" in other.content.decode()) == (409, True)
    assert Definition.objects.count() == 1
    answer = admin.browser.post(address, {"digest": digest, "sure": "on"})
    assert (answer.status_code, answer["Location"]) == (303, "/definitions/order-fulfilment/4/")
    assert Definition.objects.get(version="4").source == DRAFT
    assert AuditEntry.objects.latest("sequence").actor == "ada"
    assert "order-fulfilment v4 is in force" in page(admin, answer["Location"])
    html = page(admin, f"/trials/{scene.trial.pk}/")
    assert "What was tried here is in force as" in html
    assert 'name="digest"' not in html


def test_a_version_that_is_taken_is_told_before_anybody_activates(scene: Scene, admin: Person) -> None:
    trial = make_trial(scene.saga, text=ORDERS + "# changed\n")
    html = page(admin, f"/trials/{trial.pk}/")
    assert "order-fulfilment v3 is loaded with other content" in html
    assert 'name="digest"' not in html
    answer = admin.browser.post(f"/trials/{trial.pk}/activate", {"digest": trial.digest, "sure": "on"})
    assert answer.status_code == 409
    assert "version must be a new one" in answer.content.decode()
    same = make_trial(scene.saga, text=ORDERS)
    assert "There is nothing to activate" in page(admin, f"/trials/{same.pk}/")


def test_a_trial_is_cancelled_once(scene: Scene, admin: Person) -> None:
    trial = make_trial(scene.saga, text=DRAFT + "# slow\n", state=Trial.State.RUNNING)
    assert "Cancel the trial" in page(admin, f"/trials/{trial.pk}/")
    assert admin.browser.post(f"/trials/{trial.pk}/cancel").status_code == 303
    html = page(admin, f"/trials/{trial.pk}/")
    assert "so it cannot be activated" in html
    answer = admin.browser.post(f"/trials/{trial.pk}/cancel")
    assert (answer.status_code, "has ended already" in answer.content.decode()) == (409, True)
    answer = admin.browser.post(f"/trials/{trial.pk}/activate", {"digest": trial.digest, "sure": "on"})
    assert (answer.status_code, Definition.objects.count()) == (409, 1)


def test_what_an_older_version_took_leads_to_what_this_one_has_against_it(
    scene: Scene, admin: Person
) -> None:
    Trial.objects.filter(pk=scene.trial.pk).update(text="type: [", digest="0" * 64)
    answer = admin.browser.get(f"/trials/{scene.trial.pk}/", follow=True)
    assert answer.redirect_chain == [(f"/trials/?trial={scene.trial.pk}", 302)]
    assert "1 thing to mend" in answer.content.decode()
    assert admin.program.get(f"/api/v1/definitions/trials/{scene.trial.pk}").status_code == 409


def test_viewers_see_reports_and_no_buttons(scene: Scene, viewer: Person) -> None:
    for address in ("/trials/", f"/trials/{scene.trial.pk}/"):
        html = page(viewer, address)
        assert 'method="post" action="/trials/' not in html
        assert "Only a person with the role admin" in html


def samples(admin: Person, text: str = MAPPED, **more: Any) -> str:
    before = Event.objects.count(), Saga.objects.count(), Quarantined.objects.count(), Trial.objects.count()
    answer = admin.browser.post("/trials/samples", {"text": text, **more})
    after = Event.objects.count(), Saga.objects.count(), Quarantined.objects.count(), Trial.objects.count()
    assert (answer.status_code, after) == (200, before)
    html: str = answer.content.decode()
    assert text_in(html) == text
    return html


def shipped(number: int, **data: Any) -> str:
    event = {"specversion": "1.0", "id": str(number), "source": "//shop", "type": "com.shop.order.shipped.v1"}
    return json.dumps(event | {"data": data})


def test_pasted_events_are_mapped_beside_the_text(scene: Scene, admin: Person) -> None:
    html = samples(admin, sample=f"{shipped(1, order='o-7')}\n\n{shipped(2, parcel=1)}\n")
    assert "1 of 2 would be taken" in html
    for text in ("o-7", "completed", "ship-parcel", "order-fulfilment v5, events[0]", "not taken"):
        assert text in html
    assert "2 of 2 would be taken" in samples(
        admin, sample=f"[{shipped(1, order='a')}, {shipped(2, order='b')}]"
    )
    assert "0 of 1 would be taken" in samples(admin, sample="{")
    assert "There was nothing to try" in samples(admin, sample=" \n")
    assert "<script>alert" not in samples(admin, sample=shipped(1, order=HOSTILE) + "\n" + HOSTILE)


def test_plain_json_is_read_as_from_its_sender(scene: Scene, admin: Person) -> None:
    plain = '{"kind": "com.shop.order.shipped.v1", "order": "o-9"}'
    assert "without a CloudEvent" in samples(admin, sample=plain)
    participants.choose_plain_json(scene.shipping, ADA, {"type": "data.kind", "source": "//shop"})
    html = samples(admin, sample=plain, sender=scene.shipping.pk)
    assert "1 of 1 would be taken" in html
    assert "o-9" in html


def test_kept_events_are_tried_and_stay(scene: Scene, admin: Person) -> None:
    kept = scene.orphan.foreign_type_id
    assert f'<option value="{kept}">' in page(admin, "/trials/")
    html = samples(admin, kept=kept)
    assert "com.shop.order.shipped.v1 from shipping; nothing was stored" in html
    assert re.search(r"[01] of 1 would be taken", html)


def test_mistakes_come_before_samples(scene: Scene, admin: Person) -> None:
    answer = admin.browser.post("/trials/samples", {"text": "type: [", "sample": shipped(1)})
    assert answer.status_code == 422
    assert "1 thing to mend" in answer.content.decode()
    assert admin.browser.post("/trials/samples", {"text": MAPPED, "kept": "99999"}).status_code == 404
