"""Real requests over a real socket: signed, bounded in time and size, and told apart when they fail."""

import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from compensation.transports import MOST_BYTES, Answer, Call, TransportError, http
from tests.compensation.participants import SECRET, Participant, Reply, serving


@pytest.fixture
def payment() -> Iterator[Participant]:
    with serving() as participant:
        yield participant


def call(payment: Participant, **changes: str) -> Call:
    values = {
        "method": "POST",
        "url": f"{payment.url}/compensations/charge",
        "body": '{"saga": "ö"}',
        "idempotency_key": "order/o-1/charge/c1",
        "base_url": payment.url,
        "secret": SECRET,
    }
    return Call(**values | changes)


def test_a_request_is_signed_and_arrives_to_the_letter(payment: Participant):
    assert http.send(call(payment)) == Answer(200, '{"done": true}')
    (received,) = payment.received
    assert payment.unsigned == []
    assert (received.method, received.path, received.body) == (
        "POST",
        "/compensations/charge",
        '{"saga": "ö"}',
    )
    assert received.headers["content-type"] == "application/json"
    assert received.headers["webhook-id"] == received.key == "order/o-1/charge/c1"


def test_a_question_is_signed_too(payment: Participant):
    http.send(call(payment, method="GET", body=""))
    assert payment.unsigned == []
    assert "content-type" not in payment.received[0].headers


def test_another_secret_is_not_believed(payment: Participant):
    assert http.send(call(payment, secret="whsec_bm90IHRoZSBzZWNyZXQ=")).status == 401
    assert len(payment.unsigned) == 1


def test_redirects_are_answers_and_not_followed(payment: Participant):
    payment.will(Reply(302, "", {"location": f"{payment.url}/elsewhere"}))
    assert http.send(call(payment)).status == 302
    assert len(payment.received) == 1


def test_long_answers_are_cut_and_stay_storable(payment: Participant):
    payment.will(Reply(200, "\x00ü" * MOST_BYTES))
    text = http.send(call(payment)).text
    assert len(text.encode()) <= MOST_BYTES + 2 * text.count("\ufffd")
    assert "\x00" not in text


def test_nobody_there_is_worth_another_try():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        with pytest.raises(TransportError, match="could not be made") as error:
            http.send(call(Participant(url)))
    assert not error.value.permanent


def test_a_cut_connection_is_worth_another_try(payment: Participant):
    payment.will(Reply(cut=True))
    with pytest.raises(TransportError, match="broke before the answer") as error:
        http.send(call(payment))
    assert not error.value.permanent


@pytest.mark.parametrize("reply", [Reply(slow=3), Reply(200, "x" * 100, trickle=0.1)])
def test_no_answer_takes_longer_than_allowed(
    payment: Participant, reply: Reply, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(http, "LONGEST", 0.5)
    payment.will(reply)
    begin = datetime.now(UTC)
    with pytest.raises(TransportError, match="no answer within") as error:
        http.send(call(payment))
    assert datetime.now(UTC) - begin < timedelta(seconds=2)
    assert not error.value.permanent


def test_nothing_leaves_for_another_address(payment: Participant):
    with pytest.raises(TransportError, match="not below") as error:
        http.send(call(payment, base_url="http://payment.example"))
    assert error.value.permanent
    assert payment.received == []


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_\u00e9"])
def test_a_secret_that_is_none_is_named_without_being_told(payment: Participant, secret: str):
    with pytest.raises(TransportError, match="signing secret") as error:
        http.send(call(payment, secret=secret))
    assert error.value.permanent
    assert payment.received == []


def test_a_call_does_not_show_its_secret(payment: Participant):
    assert SECRET not in repr(call(payment))


def test_the_environment_neither_diverts_nor_adds_credentials(
    payment: Participant, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    assert http.send(call(payment)).status == 200
    assert "authorization" not in payment.received[0].headers
