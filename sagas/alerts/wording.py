"""What a message says, in words that channels share; and texts that came from outside made safe."""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from sagas import times
from sagas.alerts.message import Message, Summary, Words
from sagas.vocabulary import LOOKS, Condition, Occasion

# Control characters, and the ones that turn the direction of what follows: a subject must not read backwards.
UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")
# With which chats call everybody.
CALLS = re.compile(r"@(everyone|here|channel|all|group|room)\b", re.IGNORECASE)
LONGEST = 500
LONGEST_SUBJECT = 180

# What stands before the headline.
LEADS = {
    Occasion.RESOLVED: "Resolved",
    Occasion.REOPENED: "Back",
    Occasion.ACKNOWLEDGED: "Acknowledged",
    Occasion.ASSIGNED: "Assigned",
    Occasion.ESCALATED: "Nobody has seen to it",
    Occasion.TEST: "Test",
}


def line(text: str) -> str:
    """On one line, without characters that nobody sees, and at most LONGEST long."""
    return fit(text, LONGEST)


def fit(text: str, longest: int, escape: Callable[[str], str] = str) -> str:
    """On one line, without characters that nobody sees, and at most `longest` characters once escaped."""
    words = " ".join(UNSEEN.sub(" ", text).split())
    if len(escape(words)) <= longest:
        return escape(words)
    # How long the escaped text is grows with the text: look for the longest that fits.
    end = bisect_right(range(len(words)), longest - 1, key=lambda end: len(escape(words[:end]))) - 1
    return f"{escape(words[: max(end, 0)])}…"


def spoken(sentence: Iterable[Words], now: datetime, zone: str) -> str:
    """On one line, its times in `zone`, with the date where that is not the one of `now` there."""
    there = ZoneInfo(zone)
    return line("".join(times.words(part.at, now, there) if part.at else part.text for part in sentence))


def harmless(text: str) -> str:
    """For services that pass it on to who knows what reads it: no tag, no Markdown link, no call to all."""
    quiet = CALLS.sub(lambda found: f"@\N{WORD JOINER}{found[1]}", text.replace("<", "‹").replace(">", "›"))
    return quiet.replace("](", "] (")


def subject(message: Summary) -> str:
    """`[Amends] order-fulfilment: ship parcel never answered · 1 saga`; `[Amends] payment has gone silent`"""
    return f"[Amends] {headline(message)}"


def headline(message: Summary) -> str:
    """All in one line, at most LONGEST_SUBJECT long: what, how many, and how it stands."""
    head = title(message)
    lead = LEADS.get(message.occasion)
    whole = f"{lead}: {head}" if lead else head
    many = _many(message)
    whole = f"{whole} · {many}" if many else whole
    return f"{whole[: LONGEST_SUBJECT - 1]}…" if len(whole) > LONGEST_SUBJECT else whole


def title(message: Summary) -> str:
    """`order-fulfilment: ship parcel never answered`; `shipping: 12 problems`"""
    if message.problem_count > 1:
        return f"{message.participant or 'several participants'}: {message.problem_count:,} problems"
    return ": ".join(filter(None, (message.saga_type, message.title)))


def _many(message: Summary) -> str:
    match message.occasion:
        case Occasion.RESOLVED:
            return f"{sagas(message.total)} had it" if message.total else ""
        case Occasion.WORSENED if message.count != message.told_before and message.told_before:
            return f"{sagas(message.count)}, was {message.told_before:,}"
        case _:
            return sagas(message.count) if message.count else ""


def label(message: Summary) -> str:
    """The condition as pages show it; empty where the message is about no problem."""
    return LOOKS[Condition(message.condition)].label if message.condition else ""


def paragraphs(message: Message) -> Iterator[str]:
    """What happened, in sentences; each one line."""
    if message.occasion == Occasion.RESOLVED:
        yield over(message)
    else:
        if message.problem_count > 1:
            yield f"The worst is {message.saga_type}: {message.title}."
        if message.explanation:
            yield f"{message.explanation.rstrip('.')}."
    if message.story:
        yield message.story
    yield from message.lines
    if message.handled:
        yield message.handled


def over(message: Summary) -> str:
    """That it is over, in a sentence."""
    if message.problem is None:
        return f"{message.explanation.rstrip('.') or 'It is over'}."
    if message.code == "source_silent" and message.problem_count == 1:
        return f"{message.participant or 'Nobody'} is silent no longer. {sagas(message.total)} waited."
    what = "any of these problems" if message.problem_count > 1 else "this problem"
    return f"No saga has {what} any more. {sagas(message.total)} had it."


def facts(message: Message) -> Iterator[tuple[str, str]]:
    """What is known, as labels and values; for tables and lists of fields. Times in the route's zone."""
    if message.code:
        yield "What", f"{label(message)} · {message.code}" if message.condition else message.code
    if message.saga_type:
        named = message.type_title and message.type_title != message.saga_type
        yield "Saga type", f"{message.type_title} ({message.saga_type})" if named else message.saga_type
    if message.participant:
        yield "Participant", message.participant
    if message.occasion == Occasion.RESOLVED:
        if message.closed_at:
            yield "Over since", message.local(message.closed_at)
    elif message.severity:
        was = message.occasion == Occasion.WORSENED and message.told_before not in {0, message.count}
        yield (
            "Sagas",
            f"{message.count:,}" + (f" ({message.told_before:,} when you last heard)" if was else ""),
        )
        if message.stake:
            yield "At stake", message.stake
        yield "Severity", message.severity
    if message.since and not message.is_over:
        yield "Since", message.local(message.since)
    if message.severity:
        yield "Owner", message.owner or "nobody is named"
    if message.runbook:
        yield "Runbook", message.runbook
    if message.because:
        yield "Why you", message.because


def links(message: Message) -> Iterator[tuple[str, str]]:
    """What can be done from the message, as labels and addresses; the first leads to the console."""
    if message.link:
        yield "Look at it" if message.is_over or not message.severity else "See and repair", message.link
    if message.acts and not message.is_over:
        yield "Acknowledge", message.acts.acknowledge
        yield "Snooze", message.acts.snooze


def sagas(count: int) -> str:
    return "1 saga" if count == 1 else f"{count:,} sagas"
