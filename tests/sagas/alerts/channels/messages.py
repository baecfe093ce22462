"""Messages of every occasion: as they are, and as somebody hostile would have them."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from msgspec import convert

from sagas.alerts.message import Message
from sagas.vocabulary import Occasion

ID = UUID("01890000-0000-7000-8000-000000000001")
ACKNOWLEDGE = "https://amends.shop.example/act/acknowledge/MTI.sAcKnOwLeDgE-sIgNaTuRe/"
SNOOZE = "https://amends.shop.example/act/snooze/MTI.sSnOoZe-sIgNaTuRe/"

PROBLEM: dict[str, Any] = {
    "occasion": "opened",
    "problem": 7,
    "saga_type": "order-fulfilment",
    "type_title": "Order fulfilment",
    "step": "ship-parcel",
    "code": "step_in_doubt",
    "condition": "in_doubt",
    "severity": "error",
    "title": "ship parcel never answered",
    "explanation": "shipping was asked, then nothing for more than 30 s",
    "participant": "shipping",
    "owner": "orders-oncall@shop.example",
    "runbook": "https://runbooks.shop.example/order",
    "count": 12,
    "total": 12,
    "stake": "EUR 1,204.50",
    "since": "2026-01-02T10:02:37Z",
    "story": "shipping was asked to ship parcel at 10:02:07 UTC and has not answered.",
    "link": "https://amends.shop.example/problems/7/",
    "sagas": [{"id": "order-8492", "link": "https://amends.shop.example/sagas/order-fulfilment/order-8492/"}],
    "because": "route “shop”",
    "acts": {"acknowledge": ACKNOWLEDGE, "snooze": SNOOZE},
}
STORM: dict[str, Any] = {
    "problem_count": 12,
    "problems": [
        {
            "title": f"problem {number}",
            "saga_type": "order-fulfilment",
            "count": number,
            "link": f"https://amends.shop.example/problems/{number}/",
        }
        for number in range(1, 9)
    ],
}
# What each occasion says beside the problem; for the last ones there is none.
OCCASIONS: dict[Occasion, dict[str, Any]] = {
    Occasion.OPENED: {},
    Occasion.WORSENED: {"count": 120, "told_before": 12, "severity": "critical"},
    Occasion.REOPENED: {},
    Occasion.ESCALATED: {"because": "step 2 of route “shop”, as nobody saw to it for 10 min"},
    Occasion.ACKNOWLEDGED: {"handled": "kim sees to it.", "acts": None},
    Occasion.ASSIGNED: {"handled": "kim assigned it to lee.", "acts": None},
    Occasion.RESOLVED: {"count": 0, "story": "", "closed_at": "2026-01-02T11:00:00Z", "acts": None},
    Occasion.TEST: {"title": "This is how alerts look", "lines": ["kim sent it."]},
    Occasion.DIGEST: {"title": "Nothing needs you", "lines": ["0 problems are open."]},
    Occasion.NOTICE: {"title": "The channel “Slack” takes nothing", "explanation": "It answered 410"},
}
WITHOUT_PROBLEM = {Occasion.TEST, Occasion.DIGEST, Occasion.NOTICE}


def message(occasion: str = "opened", **changes: object) -> Message:
    content = OCCASIONS[Occasion(occasion)]
    if occasion not in WITHOUT_PROBLEM:
        content = PROBLEM | content
    own = {"id": ID, "thread": "amends-7", "at": datetime(2026, 1, 2, 10, 2, 38, tzinfo=UTC)}
    return convert({**content, "occasion": occasion, **own, **changes}, Message)


CALLS = "<!channel> <!here|x> <@U012AB3CD> @everyone @here <users/all>"
MARKUP = "*b* _i_ `c` [click](https://evil.example) <https://evil.example|click> <script>x</script> &amp;"
UNSEEN = "a\x00b\x1b[31mc\u202edlrow\u2028e\r\nf\tg"
HOSTILE = f'{CALLS} {MARKUP} {UNSEEN} \U0001f600 "quoted" \\ {{{{ .Labels }}}} '
TEXTS = ("title", "explanation", "story", "owner", "participant", "saga_type", "step", "stake", "because")


def hostile(occasion: str, times: int = 1) -> Message:
    """With everything that came from outside replaced, and as long as `times` makes it."""
    text = HOSTILE * times
    texts = dict.fromkeys(TEXTS, text)
    if occasion in WITHOUT_PROBLEM:
        texts = {"title": text, "explanation": text}
    return message(
        occasion,
        **texts,
        runbook=f"javascript:alert(1) {text}",
        handled=text,
        sagas=[{"id": text, "link": f"https://amends.shop.example/sagas/x/{number}/"} for number in range(5)],
        problem_count=8,
        problems=[
            {"title": text, "saga_type": text, "count": 1, "link": "https://amends.shop.example/problems/1/"}
        ]
        * 8,
        lines=[text] * 40,
    )
