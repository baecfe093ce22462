"""`manage.py try_definition`: what a definition would have found, and its mistakes."""

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from sagas.models import Definition, Trial
from tests.sagas.storing import define, put
from tests.sagas.trying import HASTY, put_slow, stored

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "order.yaml"
    file.write_text(HASTY)
    return file


def tried(file: Path, *options: str) -> list[str]:
    out = StringIO()
    call_command("try_definition", str(file), *options, stdout=out)
    return out.getvalue().splitlines()


def test_what_it_would_have_found_is_told_with_the_sagas(file: Path) -> None:
    define()
    for number in range(3):
        put_slow(f"slow-{number}", pause=9)
    put_slow("quick", pause=2)
    put("saga.started\x1b[2J:C", "evil\x1b[2J")
    before = stored()
    assert tried(file, "--sagas", "2") == [
        "order v2: It would have flagged 3 of the last 5 sagas, 3 of them for something never found before.",
        "",
        "ship parcel never answered (step_in_doubt ship): would be found in 3 of 5, 0 of them still so",
        "  3 never found before: slow-2, slow-1 and 1 more",
        "",
        "Steps that the definition does not know:",
        r"  1 'saga.started\x1b[2J': 'evil\x1b[2J'",
    ]
    assert stored() == before
    assert not Trial.objects.exists()
    assert not Definition.objects.filter(version="2").exists()


def test_mistakes_are_told_and_end_it(file: Path) -> None:
    file.write_text(HASTY.replace("pivot", "pivott"))
    with pytest.raises(CommandError, match=r"order.yaml:14:\d+: steps\[1\].kind must be one of"):
        tried(file)


def test_where_nothing_is_recorded_that_is_said(file: Path) -> None:
    assert tried(file) == [
        "order v2: No saga of the type order is recorded yet, so there was nothing to try it on."
        " Its text is in order."
    ]
