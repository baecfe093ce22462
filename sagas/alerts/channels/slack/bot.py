"""A Slack app with a bot token: one message a thread, kept up to date, with news as replies to it."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from sagas.alerts.channels.calling import Answer, post_json
from sagas.alerts.channels.kind import DeliveryError, Destination, Field, FieldType, Kind, Sent
from sagas.alerts.channels.slack.blocks import brief, content
from sagas.alerts.message import Message
from sagas.vocabulary import Occasion

BASE = "https://slack.com/api"

TOKEN = re.compile(r"xoxb-[0-9A-Za-z-]{10,300}")
# A conversation's id, or a public channel's name.
CHANNEL = re.compile(r"[CGD][A-Z0-9]{6,30}|#[^\s#,@]{1,80}")

# News that the whole channel sees, not only who follows the thread.
BROADCAST = frozenset({Occasion.WORSENED, Occasion.REOPENED, Occasion.ESCALATED})

# Errors that pass by themselves; all others are mistakes of the app, the token, the channel or ours.
PASSING = frozenset(
    {
        "accesslimited",
        "fatal_error",
        "internal_error",
        "message_limit_exceeded",
        "rate_limited",
        "ratelimited",
        "request_timeout",
        "service_unavailable",
        "team_added_to_org",
    }
)
# The message was deleted: the thread begins anew.
GONE = frozenset({"message_not_found", "thread_not_found"})
# It may not be changed any more; it can be replied to.
FIXED = frozenset({"cant_update_message", "edit_window_closed"})


class Said(msgspec.Struct):
    """What the Web API answers, always with status 200."""

    ok: bool
    error: str = ""
    channel: str = ""
    ts: str = ""


class SlackError(Exception):
    """Slack understood and refused: its word for why, and what was said."""

    def __init__(self, error: str, answer: Answer) -> None:
        super().__init__(error)
        self.error = error
        self.answer = answer


def bot(base: str = BASE) -> Kind:
    def send(message: Message, destination: Destination, state: Mapping[str, Any]) -> Sent:
        """Begin the thread, or bring its first message up to date and reply to it. Raises DeliveryError."""
        try:
            # Where another channel was named since, the thread begins anew there.
            if state.get("named") == destination.config["channel"]:
                try:
                    return _go_on(base, message, destination, state)
                except SlackError as error:
                    if error.error not in GONE:
                        raise
            return _begin(base, message, destination)
        except SlackError as error:
            raise DeliveryError(
                f"Slack refused it: {destination.mask(error.error)}",
                permanent=error.error not in PASSING,
                request=error.answer.request,
                answer=error.answer.said,
            ) from None

    return Kind(
        name="slack",
        title="Slack app",
        icon="chat",
        says="One message a problem in a Slack channel, kept up to date, with a thread of what happened.",
        fields=(
            Field(
                "token",
                "Bot token",
                FieldType.SECRET,
                "xoxb-…, of an app with the scope chat:write that was invited to the channel.",
            ),
            Field("channel", "Channel", hint="Its id (C0123456789), or #name where it is public."),
        ),
        send=send,
        check=check,
    )


def check(config: Mapping[str, Any]) -> Iterable[str]:
    if not TOKEN.fullmatch(config.get("token", "")):
        yield "The bot token must begin with xoxb-; Slack shows it under OAuth & Permissions."
    if not CHANNEL.fullmatch(config.get("channel", "")):
        yield "Name the channel by its id, as C0123456789, or as #name."


def _begin(base: str, message: Message, destination: Destination) -> Sent:
    named = destination.config["channel"]
    whole = _marked(message) | content(message) | {"channel": named}
    said, answer = _call(base, "chat.postMessage", destination, whole)
    # The id of the channel, whatever it was named by: only that can be updated.
    return Sent({"named": named, "channel": said.channel, "ts": said.ts}, answer.request, answer.said)


def _go_on(base: str, message: Message, destination: Destination, state: Mapping[str, Any]) -> Sent:
    where = {"channel": state["channel"]}
    first = _marked(message) | content(message) | where | {"ts": state["ts"]}
    try:
        _call(base, "chat.update", destination, first)
    except SlackError as error:
        if error.error not in FIXED:
            raise
    reply = {"thread_ts": state["ts"], "reply_broadcast": message.occasion in BROADCAST}
    # A reply says it all: whoever sees it in the channel should not have to look for the message above.
    news = _marked(message) | _reply(message) | where | reply
    _, answer = _call(base, "chat.postMessage", destination, news)
    return Sent(dict(state), answer.request, answer.said)


def _reply(message: Message) -> dict[str, Any]:
    return content(message) if message.occasion in BROADCAST else brief(message)


def _marked(message: Message) -> dict[str, Any]:
    """By which programs can tell a message that came twice."""
    payload = {"id": str(message.id), "thread": message.thread, "occasion": message.occasion.value}
    return {"metadata": {"event_type": "amends_alert", "event_payload": payload}}


def _call(base: str, method: str, destination: Destination, content: object) -> tuple[Said, Answer]:
    headers = {"authorization": f"Bearer {destination.config['token']}"}
    answer = post_json(destination, f"{base}/{method}", content, headers, parts=2)
    try:
        said = msgspec.json.decode(answer.body, type=Said)
    except msgspec.DecodeError:
        raise DeliveryError(
            "Something that is not Slack answered.", request=answer.request, answer=answer.said
        ) from None
    if not said.ok:
        raise SlackError(said.error, answer)
    return said, answer
