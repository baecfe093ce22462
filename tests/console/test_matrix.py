"""Everybody at every address: who is let in, and that who is not changes nothing."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connection, transaction
from django.http import HttpResponse
from django.test import AsyncClient, Client
from django.urls import URLPattern, URLResolver, get_resolver

from sagas.models import Participant
from tests.console import cast, world
from tests.console.cast import Person
from tests.console.matrix import ANYONE, OTHERS_OWN, PAGES, PROGRAMS, STREAMS, Row

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
ROWS = [*PROGRAMS, *PAGES]
# Written by reading, and told to nobody.
NOTED = ["console_apitoken", "django_session", "auth_user"]


@dataclass(frozen=True)
class Stage:
    built: world.World
    people: dict[str, Person | None]


def routes(inside: list[Any], before: str = "") -> Iterator[str]:
    for pattern in inside:
        route = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, route)
        else:
            assert isinstance(pattern, URLPattern)
            yield route


def test_every_address_has_a_row() -> None:
    assert {row.route for row in ROWS} == set(routes(get_resolver().url_patterns))
    assert len({str(row) for row in ROWS}) == len(ROWS)


@contextmanager
def undone() -> Iterator[None]:
    """What happens inside has not happened afterwards."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def written() -> list[tuple[str, int]]:
    """The rows of each table that were written in this transaction, also in vain."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname, n_tup_ins + n_tup_upd + n_tup_del FROM pg_stat_xact_user_tables"
            " WHERE relname <> ALL(%s) ORDER BY relname",
            [NOTED],
        )
        return cursor.fetchall()


@pytest.mark.django_db
def test_what_is_written_is_seen_even_if_it_is_taken_back() -> None:
    before = written()
    with undone():
        Participant.objects.create(name="shipping")
    assert written() != before


def asked(row: Row, built: world.World, who: Person | None) -> tuple[str, Any]:
    """The address and the body."""
    address = row.address(built, who) if callable(row.address) else row.address or row.route
    return address, row.body(built) if callable(row.body) else row.body


def send(client: Client, row: Row, address: str, body: Any, method: str = "") -> HttpResponse:
    method = method or row.method
    if method == "GET":
        return client.get(f"/{address}")
    if isinstance(body, str):
        return client.generic(method, f"/{address}", body, content_type="application/yaml")
    if row in PAGES:
        return client.post(f"/{address}", body) if method == "POST" else client.generic(method, f"/{address}")
    return client.generic(method, f"/{address}", cast.json(body), content_type="application/json")


@pytest.fixture(scope="module")
def stage(django_db_setup: None, django_db_blocker: Any) -> Iterator[Stage]:
    """Built once for all rows, as nothing that happens to it stays."""
    with django_db_blocker.unblock(), undone():
        people = cast.everyone()
        for who in people.values():
            # Sessions and tokens are made now, for else they would be undone with the first row.
            assert who.browser and who.program
        yield Stage(world.build(), {"anonymous": None, **people})


@pytest.mark.parametrize("row", [row for row in ROWS if row.route not in STREAMS], ids=str)
def test_who_is_let_in(row: Row, stage: Stage) -> None:
    wrong = []
    for name, who in stage.people.items():
        # A token makes no tokens, so that this one is asked for as in a browser.
        in_browser = row in PAGES or str(row) == "POST /api/v1/tokens"
        client = Client() if who is None else who.browser if in_browser else who.program
        with undone():
            address, body = asked(row, stage.built, who)
            before, promised = written(), len(connection.run_on_commit)
            answer = send(client, row, address, body)
            told = f"{name}: {answer.status_code}"
            if name in row.allowed:
                if answer.status_code != row.status:
                    wrong.append(f"{told}, not {row.status}")
            elif not is_refusal(answer, row, who):
                wrong.append(f"{told}, which is no refusal")
            elif written() != before:
                wrong.append(f"{name}: refused, and yet something changed")
            elif len(connection.run_on_commit) != promised:
                wrong.append(f"{name}: refused, and yet a worker or a page is told")
    assert not wrong, f"{row}: " + "; ".join(wrong)


def is_refusal(answer: HttpResponse, row: Row, who: Person | None) -> bool:
    if row.route in OTHERS_OWN:
        return answer.status_code == 302
    if row in PAGES:
        if who is None:
            return answer.status_code == 302 and answer["Location"].startswith("/accounts/login/")
        return answer.status_code == 403 and b"with the role" in answer.content
    is_problem = answer["Content-Type"] == "application/problem+json"
    if who is None or not row.allowed or row.route == "metrics":
        return is_problem and answer.status_code == 401 and answer["WWW-Authenticate"].startswith("Bearer")
    # A refusal says who could; of a batch it may be people of any group.
    says_who = b"with the role" in answer.content or b"of the group" in answer.content
    return is_problem and answer.status_code == 403 and says_who


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("route", sorted(STREAMS))
def test_who_may_listen(route: str) -> None:
    """A stream gives its connection back to the pool at once, which needs real transactions."""
    (row,) = (row for row in ROWS if row.route == route)
    cookies = {name: who.browser.cookies for name, who in cast.everyone().items()}

    async def listen() -> dict[str, int]:
        statuses = {}
        for name in ("anonymous", *cookies):
            client = AsyncClient()
            client.cookies.update(cookies.get(name, {}))
            answer = await client.get(f"/{route}")
            statuses[name] = answer.status_code
            await sync_to_async(answer.close)()
        return statuses

    expected = {name: row.status if name in row.allowed else 403 for name in cookies}
    assert asyncio.run(listen()) == {"anonymous": 401, **expected}


@pytest.mark.parametrize("route", sorted({row.route for row in ROWS} - OTHERS_OWN))
def test_other_methods_are_refused(route: str, stage: Stage) -> None:
    admin = stage.people["admin"]
    assert admin
    rows = [row for row in ROWS if row.route == route]
    for method in set(METHODS) - {row.method for row in rows}:
        client = admin.browser if rows[0] in PAGES else admin.program
        answer = send(client, rows[0], *asked(rows[0], stage.built, admin), method)
        assert answer.status_code == 405, f"{method} /{route}: {answer.status_code}"
        if route.startswith("api/"):
            assert answer["Content-Type"] == "application/problem+json"
            assert answer["Allow"]


def test_what_anyone_may_see_tells_nothing_of_sagas(stage: Stage) -> None:
    built = stage.built
    for row in ROWS:
        if row.allowed == ANYONE:
            answer = send(Client(), row, *asked(row, built, None))
            for word in (built.saga.saga_id, "shipping", "orders@shop.example"):
                assert word.encode() not in answer.content, row
