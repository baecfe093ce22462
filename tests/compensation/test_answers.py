import pytest

from compensation.answers import Accepted, Became, Done, NotNow, Refused, Told, meaning
from compensation.plan import Kind
from compensation.transports import Answer


@pytest.mark.parametrize("kind", [Kind.COMPENSATE, Kind.RETRY_STEP])
@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Answer(200, '{"refund": "re_1"}'), Done({"refund": "re_1"})),
        (Answer(200, "fine"), Done(None)),
        (Answer(201, ""), Done(None)),
        (Answer(204, ""), Done(None)),
        (Answer(202, ""), Accepted()),
        (Answer(200, "\n<html>In"), NotNow("It answered 200 with a page, not with JSON: \n<html>In", None)),
        (Answer(202, "<html>"), NotNow("It answered 202 with a page, not with JSON: <html>", None)),
        (Answer(301, ""), Refused("It answered 301.")),
        (Answer(304, ""), Refused("It answered 304.")),
        (Answer(400, '{"title": "no such saga"}'), Refused("400: no such saga")),
        (Answer(409, '{"detail": "consumed", "title": "x"}'), Refused("409: consumed")),
        (Answer(409, "consumed"), Refused("409: consumed")),
        (Answer(409, '{"detail": 7}'), Refused('409: {"detail": 7}')),
        (Answer(401, "[]"), Refused("401: []")),
        (Answer(408, ""), NotNow("It answered 408.", None)),
        (Answer(425, ""), NotNow("It answered 425.", None)),
        (Answer(429, "", 30.0), NotNow("It answered 429.", 30.0)),
        (Answer(500, "oops"), NotNow("500: oops", None)),
        (Answer(503, "", 5.0), NotNow("It answered 503.", 5.0)),
        (Answer(100, ""), Refused("It answered 100.")),
    ],
)
def test_what_an_answer_means(kind: str, answer: Answer, expected: object):
    assert meaning(kind, answer) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"outcome": "completed", "data": {"a": 1}}', Told(Became.COMPLETED, "", {"a": 1})),
        ('{"outcome": "failed", "detail": "declined"}', Told(Became.FAILED, "declined", None)),
        ('{"outcome": "compensated"}', Told(Became.COMPENSATED, "", None)),
        ('{"outcome": "running"}', Told(Became.RUNNING, "", None)),
        ('{"outcome": "not_started"}', Told(Became.NOT_STARTED, "", None)),
        ('{"outcome": "unknown"}', Told(Became.UNKNOWN, "", None)),
        ('{"outcome": "finished"}', Told(None, "", None)),
        ('{"outcome": ["completed"]}', Told(None, "", None)),
        ("{}", Told(None, "", None)),
        ('["completed"]', Told(None, "", None)),
        ("completed", Told(None, "", None)),
        ("", Told(None, "", None)),
    ],
)
def test_what_was_told_when_asked(text: str, expected: Told):
    assert meaning(Kind.ASK, Answer(200, text)) == expected


def test_a_question_can_be_refused_or_put_off():
    assert meaning(Kind.ASK, Answer(404, "")) == Refused("It answered 404.")
    assert meaning(Kind.ASK, Answer(503, "")) == NotNow("It answered 503.", None)
    assert meaning(Kind.ASK, Answer(202, "")) == Told(None, "", None)
