"""Addresses of pages, for messages that leave Amends and for the API."""

from urllib.parse import quote

from django.conf import settings


def saga(saga_type: str, saga_id: str) -> str:
    return f"{settings.BASE_URL}/sagas/{quote(saga_type, safe='')}/{quote(saga_id, safe='')}/"


def attention() -> str:
    return f"{settings.BASE_URL}/"


def problem(pk: int) -> str:
    return f"{settings.BASE_URL}/problems/{pk}/"


def batch(pk: int) -> str:
    return f"{settings.BASE_URL}/batches/{pk}/"


def channel(name: str) -> str:
    return f"{settings.BASE_URL}/alerts/channels/{quote(name, safe='')}/"
