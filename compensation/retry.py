"""When to try again (pure): exponential backoff with jitter; a participant that asks for longer gets it."""

from compensation.plan import Retries

# A participant's Retry-After is honoured up to this many seconds: longer would look like nothing happens.
LONGEST_ASKED = 900.0


def pause(retries: Retries, answered: int, chance: float, asked: float | None = None) -> float | None:
    """Seconds until the next try; None: there is none.

    `answered` is how many tries have had their transient end so far, this one included; `chance` in [0, 1)
    spreads those who failed together (equal jitter); `asked` is the participant's Retry-After in seconds.
    """
    if answered >= retries.attempts:
        return None
    # 2.0 ** 1024 would overflow; a hundred doublings are past any `most`.
    full = min(retries.most, retries.first * 2.0 ** min(answered - 1, 100))
    backoff = full / 2 + full / 2 * chance
    return max(backoff, min(asked or 0.0, LONGEST_ASKED))
