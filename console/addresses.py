"""Where the pages of things are whose names may hold any character: `reverse` would leave slashes in them."""

from django.urls import reverse

from console.paths import quoted


def saga(saga_type: str, saga_id: str) -> str:
    return f"{reverse('sagas')}{quoted(saga_type)}/{quoted(saga_id)}/"


def repair(key: int) -> str:
    return f"{reverse('repairs')}{key}/"


def participant(name: str, *more: str) -> str:
    """`more`: what lies below it, such as "keys"."""
    return f"{reverse('participants')}{quoted(name)}/{'/'.join(more)}"


def definition(saga_type: str, version: str) -> str:
    return f"{reverse('definitions')}{quoted(saga_type)}/{quoted(version)}/"
