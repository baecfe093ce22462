"""An event that speaks somebody else's words: `com.shop.order.shipped.v1` in place of `step.completed`."""

from datetime import datetime

from sagas.events.incoming import Attributes
from sagas.events.refusal import Refused


class Foreign(Refused, kw_only=True):
    """A sound CloudEvent whose type is none of our kinds: refused, unless a mapping takes it.

    It has been examined like any other, so that what a mapping takes needs no second look but at what the
    mapping itself made. Texts and `time` as in `Incoming`.
    """

    type: str
    time: datetime | None = None
    sequence: str = ""
    # All other context attributes, as sent.
    attributes: Attributes = {}
    data: str | None = None
