"""Ways to reach a participant. One file a way; each has `send(call) -> Answer` and raises TransportError."""

from dataclasses import dataclass

# Of an answer's body so many bytes are read and kept.
MOST_BYTES = 16 * 1024


@dataclass(frozen=True, slots=True)
class Call:
    """One request as it leaves. `body` is sent to the letter; `secret` signs it and appears nowhere else."""

    method: str
    url: str
    body: str
    idempotency_key: str
    # The participant's own address: nothing is sent anywhere else.
    base_url: str
    secret: str

    def __repr__(self) -> str:
        return f"Call({self.method} {self.url})"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, at most MOST_BYTES of it as text."""

    status: int
    text: str = ""
    # Seconds that the participant asks to be left alone for (Retry-After).
    wait: float | None = None


class TransportError(Exception):
    """No answer: `message` is for people, `permanent` says that trying again would not help."""

    def __init__(self, message: str, *, permanent: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.permanent = permanent
