"""What a message says: its subject, and texts that came from outside made safe for one line."""

import re
from collections.abc import Mapping
from typing import Any

from sagas.models import Alert

# Control characters, and the ones that turn the direction of what follows: a subject must not read backwards.
UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")
LONGEST = 500
LONGEST_SUBJECT = 180


def line(text: str) -> str:
    """On one line, without characters that nobody sees, and at most LONGEST long."""
    words = " ".join(UNSEEN.sub(" ", text).split())
    return f"{words[: LONGEST - 1]}…" if len(words) > LONGEST else words


def subject(summary: Mapping[str, Any]) -> str:
    """`[Amends] order-fulfilment: ship parcel never answered · 1 saga`; `[Amends] payment has gone silent`"""
    head = ": ".join(filter(None, (summary["saga_type"], summary["title"])))
    match summary["occasion"]:
        case Alert.Occasion.RESOLVED:
            whole = f"Resolved: {head}"
            many = f"{sagas(summary['total'])} had it" if summary["total"] else ""
        case Alert.Occasion.WORSENED:
            whole, many = head, f"{sagas(summary['count'])}, was {summary['told_before']:,}"
        case _:
            whole, many = head, sagas(summary["count"]) if summary["count"] else ""
    whole = f"{whole} · {many}" if many else whole
    if len(whole) > LONGEST_SUBJECT:
        whole = f"{whole[: LONGEST_SUBJECT - 1]}…"
    return f"[Amends] {whole}"


def sagas(count: int) -> str:
    return "1 saga" if count == 1 else f"{count:,} sagas"
