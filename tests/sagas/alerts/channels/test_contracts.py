"""What every channel over HTTP keeps to, against servers that check what they are sent as the real ones."""

import re
from collections.abc import Iterator

import pytest

from sagas.alerts.channels import KINDS
from sagas.alerts.channels.kind import DeliveryError
from sagas.vocabulary import Occasion
from tests.sagas.alerts.channels.contracts import LINES, Line, line_to, wrongly_signed
from tests.sagas.alerts.channels.messages import ACKNOWLEDGE, SNOOZE, hostile, message
from tests.sagas.alerts.services.server import Reply


@pytest.fixture(params=LINES)
def line(request: pytest.FixtureRequest) -> Iterator[Line]:
    with line_to(request.param) as line:
        yield line


def told(line: Line) -> list[Occasion]:
    return [occasion for occasion in Occasion if occasion not in line.kind.skips]


def test_every_occasion_is_said_as_the_service_wants_it(line: Line) -> None:
    state: dict[str, object] = {}
    for occasion in told(line):
        sent = line.send(message(occasion), state)
        state = dict(sent.state) if not message(occasion).is_over else {}
        assert re.match(r"2\d\d", sent.answer)
        assert sent.request.startswith("POST ")


@pytest.mark.parametrize("times", [1, 40])
def test_hostile_and_endless_text_fits_and_calls_nobody(line: Line, times: int) -> None:
    for occasion in told(line):
        line.send(hostile(occasion, times))
    for request in line.service.requests:
        text = request.body.decode()
        assert not set("\x00\x1b\u202e\u2028") & set(text)
        assert not re.search(r"\\u00[01]", text)  # the same, as JSON writes it


def test_neither_secrets_nor_signed_links_are_kept(line: Line) -> None:
    # It answers with all that it was asked: nothing of that may stay.
    sent = line.send(message())
    body = line.service.requests[0].body
    assert ACKNOWLEDGE in body.decode()
    asked = body + str(line.service.requests[0].headers).encode() + line.secret.encode()
    line.service.replies = [Reply(400, asked)]
    with pytest.raises(DeliveryError) as raised:
        line.send(message())
    kept = (sent.request, sent.answer, str(sent.state), str(raised.value))
    for text in (*kept, raised.value.request, raised.value.answer):
        for secret in (line.secret, ACKNOWLEDGE, SNOOZE):
            assert secret not in text
    assert "order-8492" in sent.request or "…" in sent.request


def test_who_is_too_fast_waits_as_long_as_they_say(line: Line) -> None:
    line.service.replies = [Reply(429, "slow down", {"retry-after": "17"})]
    with pytest.raises(DeliveryError, match="It answered 429: slow down") as raised:
        line.send(message())
    assert (raised.value.permanent, raised.value.retry_after) == (False, 17)


@pytest.mark.parametrize("status", [500, 502, 503])
def test_what_passes_is_tried_again(line: Line, status: int) -> None:
    line.service.replies = [Reply(status, "<html>Bad gateway</html>")]
    with pytest.raises(DeliveryError, match=f"It answered {status}") as raised:
        line.send(message())
    assert not raised.value.permanent


def test_a_credential_that_nobody_knows_says_so(line: Line) -> None:
    with pytest.raises(DeliveryError) as raised:
        wrongly_signed(line).send(message())
    # A proxy before an Alertmanager may be mended by the next minute.
    assert raised.value.permanent == (line.kind.name != "alertmanager")
    assert raised.value.answer
    line.service.wrong.clear()


def test_a_form_takes_what_works_and_complains_of_what_cannot(line: Line) -> None:
    assert not list(line.kind.check(line.config))
    assert {field.name for field in line.kind.fields} == line.config.keys()
    assert KINDS[line.kind.name] is line.shipped


@pytest.mark.parametrize(
    ("kind", "config"),
    [
        ("slack_webhook", {"url": "https://hooks.slack.com.evil.example/services/T0/B0/x"}),
        ("slack_webhook", {"url": "http://hooks.slack.com/services/T0/B0/x"}),
        ("slack_webhook", {"url": "https://user@hooks.slack.com/services/T0/B0/x"}),
        ("slack_webhook", {"url": "https://[/"}),
        ("slack", {"token": "xoxp-1234567890-abc", "channel": "C0123456789"}),
        ("slack", {"token": "xoxb-1234567890\r\nx", "channel": "C0123456789"}),
        ("slack", {"token": "xoxb-1234567890-abc", "channel": "alerts"}),
        ("teams", {"url": "https://evil.example/workflows/x?sig=y"}),
        ("teams", {"url": "https://api.powerplatform.com.evil.example/"}),
        ("teams", {"url": "http://prod-1.westeurope.logic.azure.com/workflows/x"}),
        ("teams", {"url": "https://[/"}),
        ("pagerduty", {"key": "short", "region": "us"}),
        ("opsgenie", {"key": "eb243592-faa2-4ba2-a551 1afdf565c889", "region": "us"}),
        ("alertmanager", {"urls": ("http://am:9093",), "user": "amends"}),
        ("alertmanager", {"urls": ("http://am:9093",), "user": "a:b", "password": "x"}),
    ],
)
def test_complaints(kind: str, config: dict[str, object]) -> None:
    assert list(KINDS[kind].check(config))


@pytest.mark.parametrize(
    ("kind", "config"),
    [
        ("slack_webhook", {"url": "https://hooks.slack.com/services/T0/B0/x"}),
        ("slack_webhook", {"url": "https://hooks.slack-gov.com/services/T0/B0/x"}),
        ("slack", {"token": "xoxb-1234567890-abc", "channel": "#general"}),
        ("teams", {"url": "https://prod-1.westeurope.logic.azure.com:443/workflows/x?sig=y"}),
        ("teams", {"url": "https://d1.e2.environment.api.powerplatform.com:443/powerautomate/x?sig=y"}),
        ("alertmanager", {"urls": ("http://am:9093",), "user": "", "password": ""}),
    ],
)
def test_what_is_fine(kind: str, config: dict[str, object]) -> None:
    assert not list(KINDS[kind].check(config))
