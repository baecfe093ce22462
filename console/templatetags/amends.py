"""Tags of the pages: words with their looks, times in the viewer's zone, small charts."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from compensation.models import Repair
from console import addresses, looks, permissions, wording
from sagas import stakes
from sagas.detection.rules import PREFIX
from sagas.models import Definition, Saga

register = template.Library()

LINE = 120


@register.simple_tag
def icon(name: str) -> SafeString:
    """One of the icons that templates/components/icons.html draws."""
    return format_html(
        '<svg class="icon" aria-hidden="true" focusable="false"><use href="#icon-{}"></use></svg>', name
    )


@register.simple_tag
def pill(word: str, label: str = "") -> SafeString:
    """The word of a state as icon, label and tone; `label` replaces the table's own."""
    look = looks.look(str(word))
    return format_html(
        '<span class="pill tone-{}">{}{}</span>', look.tone, icon(look.icon), label or look.label
    )


@register.filter
def tone(word: str) -> str:
    return looks.look(str(word)).tone


@register.filter
def label(word: str) -> str:
    return looks.look(str(word)).label


@register.filter
def icon_of(word: str) -> str:
    return looks.look(str(word)).icon


@register.simple_tag
def refusal(act: str) -> str:
    """Why the button is grey, and who could press it; `act` is the name of a permissions.Act."""
    return permissions.refusal(permissions.Act[act.upper()])


@register.filter
def words(code: str) -> str:
    """A code as people read it: "missing_attribute" is "Missing attribute"."""
    return code.replace("_", " ").capitalize()


@register.filter
def step_name(step: str) -> str:
    """What a finding is about, for people: a rule stands where else the name of a step does."""
    return f"rule {step.removeprefix(PREFIX)}" if step.startswith(PREFIX) else step


@register.filter
def count(number: int) -> str:
    return f"{number:,}"


@register.filter
def in_currency(amount: str, currency: str) -> str:
    """A sum as JSON keeps it, for people: `4,235.35 EUR`."""
    return stakes.words(Decimal(amount), currency)


@register.filter
def ends(digest: str) -> str:
    """A digest by its two ends, to be compared by eye."""
    return f"{digest[:4]}…{digest[-4:]}"


@register.filter
def as_line(value: Any) -> str:
    """JSON on one line, shortened: enough to see whether it is worth opening."""
    return Truncator(json.dumps(value, ensure_ascii=False)).chars(LINE)


@register.filter
def as_json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


@register.simple_tag
def copy(value: str) -> SafeString:
    """An id that copies on click."""
    return format_html('<code class="id" data-copy="{}">{}</code>', value, value)


@register.simple_tag
def saga_url(saga: Saga) -> str:
    return addresses.saga(saga.saga_type, saga.saga_id)


@register.simple_tag
def repair_url(repair: Repair) -> str:
    return addresses.repair(repair.pk)


@register.simple_tag
def participant_url(name: str, *more: str) -> str:
    return addresses.participant(name, *(str(part) for part in more))


@register.simple_tag
def definition_url(row: Definition) -> str:
    return addresses.definition(row.saga_type, row.version)


@register.simple_tag
def querystring_of(**words: str) -> str:
    """The given words as a query, without the empty ones."""
    return urlencode({name: word for name, word in words.items() if word})


def time_element(moment: datetime, style: str, text: str) -> SafeString:
    utc = moment.astimezone(UTC)
    return format_html(
        '<time class="when" datetime="{}" data-when="{}" title="{} UTC">{}</time>',
        utc.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        style,
        f"{utc:%Y-%m-%d %H:%M:%S}.{utc.microsecond // 1000:03}",
        text,
    )


@register.simple_tag
def when(moment: datetime | None, style: str = "short") -> SafeString | str:
    """The time in the viewer's zone, UTC on hover. Styles: short, ms, full."""
    if moment is None:
        return "–"
    now = timezone.localtime()
    return time_element(moment, style, wording.clock(timezone.localtime(moment), now, style))


@register.simple_tag
def now_time() -> SafeString | str:
    return when(timezone.now())


@register.simple_tag
def ago(moment: datetime | None) -> SafeString | str:
    return "–" if moment is None else time_element(moment, "ago", wording.ago(moment, timezone.now()))


@register.simple_tag
def age(moment: datetime | None) -> SafeString | str:
    """How long ago, without the word "ago"."""
    if moment is None:
        return "–"
    seconds = (timezone.now() - moment).total_seconds()
    return time_element(moment, "age", wording.span(seconds))


@register.simple_tag
def moment(at: datetime | None) -> SafeString | str:
    """Absolute and relative side by side."""
    return "–" if at is None else format_html('{} <span class="muted">· {}</span>', when(at), ago(at))


@register.filter
def span(seconds: float | None) -> str:
    return "–" if seconds is None else wording.span(seconds)


@register.filter
def duration(seconds: float) -> str:
    """A length of time as it was declared: `500 ms`, `1.5 s`, `5 min`."""
    return wording.exactly(seconds)


SPARK_HEIGHT = 22


@register.inclusion_tag("components/spark.html")
def spark(bins: Sequence[int], label: str) -> dict[str, Any]:
    """Counts over time as bars in the tone around it; the label says the same in words."""
    most = max(bins, default=0)
    width = 120 / max(len(bins), 1)
    bars = [
        {
            "x": f"{i * width + 0.5:.2f}",
            "y": f"{SPARK_HEIGHT - height:.2f}",
            "width": f"{width - 1:.2f}",
            "height": f"{height:.2f}",
        }
        for i, count in enumerate(bins)
        if (height := count and max(3.0, SPARK_HEIGHT * count / most))
    ]
    return {"bars": bars, "label": label, "height": SPARK_HEIGHT}
