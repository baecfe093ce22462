"""Ids of parts of pages, to be linked to from elsewhere."""

import hashlib


def of_event(source: str, event_id: str) -> str:
    """An event's row: short, and safe as an id whatever the two hold."""
    return "event-" + hashlib.sha256(f"{source}\0{event_id}".encode()).hexdigest()[:12]
