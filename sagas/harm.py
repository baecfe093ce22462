"""Which problem does more harm: what is at stake, then how severe it is, then for how long (pure)."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from sagas.vocabulary import Severity


def order(amounts: Iterable[Decimal], severity: Severity, since: datetime) -> tuple[Decimal, int, float]:
    """Sorts the most harmful first.

    Amends knows no exchange rates: `amounts`, one a currency, are added up as numbers, for the order alone.
    """
    return -sum(amounts, Decimal()), -severity.rank, since.timestamp()
