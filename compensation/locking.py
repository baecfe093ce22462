"""Row locks of sagas, in the order in which every writer locks them (as sagas.ingest does)."""

from collections.abc import Collection

from sagas.models import Saga

# What acting on a saga needs of its row; making objects of the rest took a fifth of a batch's time.
NEEDED = ("saga_type", "saga_id", "definition_id", "facts", "revision")


def lock(pks: Collection[int], *, patient: bool = True) -> dict[int, Saga]:
    """These sagas by key, nobody else's until the transaction ends; without those that are held, unless
    `patient`. Their other columns are fetched when they are asked for, each by a query of its own.
    """
    rows = Saga.objects.filter(pk__in=pks).only(*NEEDED).order_by("pk")
    return {saga.pk: saga for saga in rows.select_for_update(no_key=True, skip_locked=not patient)}
