"""The default policy: loaded, audited, the newest in force."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from compensation import default_policy, policy
from compensation.models import DefaultPolicy
from sagas.audit import Actor
from sagas.definitions import DefinitionError
from sagas.models import AuditEntry

pytestmark = pytest.mark.django_db

ADA = Actor("person", "ada")
FIRST = "approval: [{when: count > 5, approvers: 2, expires: 90m, groups: [admin]}]\n"
FILE = {"file": "policy.yaml"}
SECOND = "approval: []\n"


def load(text: str) -> default_policy.Loaded:
    return default_policy.load(text, "policy.yaml", ADA)


def test_until_one_is_loaded_what_is_built_in_is_in_force() -> None:
    assert default_policy.in_force() == default_policy.InForce(policy.BUILT_IN, None)


def test_what_was_loaded_last_is_in_force_as_it_was_said() -> None:
    row = load(FIRST).row
    [rule] = default_policy.in_force().rules
    assert (rule.when, rule.approvers, rule.expires, rule.groups) == ("count > 5", 2, 5400, ("admin",))
    assert default_policy.in_force().row == row
    load(SECOND)
    assert list(default_policy.in_force().rules) == []
    again = load(FIRST)
    assert again.is_new
    assert default_policy.in_force().row == again.row
    assert row.pk != again.row.pk


def test_each_load_is_in_the_audit_log_with_what_it_replaced() -> None:
    first, second = load(FIRST).row, load(SECOND).row
    told = AuditEntry.objects.order_by("sequence").values_list(
        "action", "actor", "object_kind", "object_id", "before", "after"
    )
    assert list(told) == [
        ("policy.loaded", "ada", "policy", str(first.pk), None, FILE | {"digest": first.digest}),
        (
            "policy.loaded",
            "ada",
            "policy",
            str(second.pk),
            {"policy": first.pk, "digest": first.digest},
            FILE | {"digest": second.digest},
        ),
    ]  # fmt: skip


def test_what_is_in_force_already_is_not_loaded_again() -> None:
    row = load(FIRST).row
    again = load(FIRST)
    assert (again.row, again.is_new) == (row, False)
    assert (DefaultPolicy.objects.count(), AuditEntry.objects.count()) == (1, 1)


def test_a_mistake_leaves_what_was_in_force() -> None:
    row = load(FIRST).row
    with pytest.raises(DefinitionError, match=r"policy.yaml:1:19: approval\[0\].when: `cuont` is neither"):
        load("approval: [{when: cuont > 5}]")
    assert default_policy.in_force().row == row
    assert AuditEntry.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_at_once_the_newest_row_is_the_last_in_the_log() -> None:
    def one(number: int) -> None:
        load(f"approval: [{{when: count > {number}}}]")
        connection.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(one, range(12)))
    told = AuditEntry.objects.order_by("sequence").values_list("object_id", flat=True)
    assert [int(pk) for pk in told] == sorted(DefaultPolicy.objects.values_list("pk", flat=True))
    assert DefaultPolicy.objects.count() == 12
