"""What people write, as it is kept."""

# Characters of a reason, note or evidence.
LONGEST = 4000


def clean(text: str) -> str:
    """As PostgreSQL can keep it: without NUL, and with the replacement sign for half a character."""
    text = text.replace("\x00", "").encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    return text.strip()[:LONGEST]
