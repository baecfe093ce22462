"""What a person began of late that nobody else agreed to: what counts, and that nobody gets around it."""

import threading
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection
from django.utils import timezone

from compensation import begun, repairs, statements
from compensation.batches import agreeing, deciding, demands
from compensation.batches.refusals import NotAgreedError
from compensation.models import Batch, BatchSaga, Repair
from compensation.policy import Recent
from compensation.refusals import AgreementMissingError
from sagas.audit import Actor
from sagas.definitions import loading
from sagas.models import AuditEntry, Saga
from sagas.threads import hangs_up
from tests.blocking import PATIENCE, wait_until_somebody_waits
from tests.compensation.shop import ANNA, BEN, PAYLOADS, Shop
from tests.compensation.stories import SHOP_YAML
from tests.compensation.test_batches import CHARGED, planned

State = Batch.State
DAY = 86400.0
STAKE = "stake: {amount: amount, currency: EUR}\n"


def rules(*whens: str, version: str = "2") -> None:
    """New sagas are of a version with these, and with stakes."""
    listed = "".join(f"\n  - {{when: '{when}', because: '{when}'}}" for when in whens)
    text = SHOP_YAML.replace("approval: []", f"approval:{listed or ' []'}")
    loading.load(text.replace('version: "1"', f'version: "{version}"') + STAKE, "shop.yaml", Actor.system())


@pytest.fixture
def ben(db: None) -> User:
    user = User.objects.create_user("ben")
    user.groups.add(Group.objects.get_or_create(name="approver")[0])
    return user


def single(shop: Shop, saga: Saga, intent: str = "compensate", user: User | None = None) -> Repair:
    """One repair, started as it was seen."""
    user, now = user or shop.anna, timezone.now()
    words = {"outcome": "compensated"} if intent == "record" else {}
    seen = repairs.preview(saga, intent, "charge", user, **words)
    more = words | {"evidence": "OPS-1"} if words else {}
    given = (saga, intent, "charge", "OPS-1", seen.revision, seen.hash, Actor("person", user.username), user)
    return repairs.start(*given, **more, now=now)


def many(shop: Shop, count: int) -> Batch:
    return planned(shop, [shop.saga(CHARGED) for _ in range(count)])


def begin(shop: Shop, batch: Batch, user: User | None = None) -> Batch:
    return deciding.start(batch, batch.plan_hash, ANNA, user or shop.anna, typed=batch.summary["sagas"])


def lately(person: User, within: float = DAY, *, saga: int | None = None, batch: int | None = None) -> Recent:
    return begun.recently(person, [within], timezone.now(), saga=saga, batch=batch)[within]


def a_question(shop: Shop, ben: User) -> None:
    single(shop, shop.saga(CHARGED), "ask")


def a_record(shop: Shop, ben: User) -> None:
    single(shop, shop.saga(CHARGED), "record")


def a_repair(shop: Shop, ben: User) -> None:
    single(shop, shop.saga(CHARGED))


def a_repair_of_somebody_else(shop: Shop, ben: User) -> None:
    single(shop, shop.saga(CHARGED), user=ben)


def two_of_one_saga(shop: Shop, ben: User) -> None:
    saga = shop.saga(CHARGED)
    repairs.cancel(single(shop, saga), ANNA, "again")
    single(shop, saga)


def a_repair_long_ago(shop: Shop, ben: User) -> None:
    repair = single(shop, shop.saga(CHARGED))
    Repair.objects.filter(pk=repair.pk).update(started_at=timezone.now() - timedelta(hours=25))


def a_plan(shop: Shop, ben: User) -> None:
    many(shop, 3)


def a_batch(shop: Shop, ben: User) -> None:
    begin(shop, many(shop, 3))


def a_batch_that_somebody_else_began(shop: Shop, ben: User) -> None:
    begin(shop, many(shop, 3), ben)


def a_batch_of_which_one_dropped_out(shop: Shop, ben: User) -> None:
    batch = begin(shop, many(shop, 3))
    BatchSaga.objects.filter(batch=batch, position=2).update(state="dropped")


def a_batch_that_was_cancelled(shop: Shop, ben: User) -> None:
    deciding.cancel(begin(shop, many(shop, 3)), ANNA, "no")


def a_batch_that_was_agreed_to(shop: Shop, ben: User) -> None:
    rules("count > 1", version="3")
    batch = many(shop, 3)
    agreeing.ask(batch, batch.plan_hash, ANNA)
    agreeing.agree(batch, batch.plan_hash, BEN, ben)
    begin(shop, batch)


def a_batch_for_which_glass_was_broken(shop: Shop, ben: User) -> None:
    rules("count > 1", version="3")
    batch = many(shop, 3)
    agreeing.break_glass(batch, batch.plan_hash, ANNA, "parcels leave at four", shop.anna)


@pytest.mark.parametrize(
    ("what", "count"),
    [
        (a_question, 0),
        (a_record, 0),
        (a_repair, 1),
        (a_repair_of_somebody_else, 0),
        (two_of_one_saga, 1),
        (a_repair_long_ago, 0),
        (a_plan, 0),
        (a_batch, 3),
        (a_batch_that_somebody_else_began, 0),
        (a_batch_of_which_one_dropped_out, 2),
        (a_batch_that_was_cancelled, 0),
        (a_batch_that_was_agreed_to, 0),
        (a_batch_for_which_glass_was_broken, 3),
    ],
)
def test_what_counts(shop: Shop, ben: User, what: Callable[[Shop, User], None], count: int) -> None:
    rules()
    what(shop, ben)
    stake = {"EUR": count * Decimal("129.90")} if count else {}
    assert lately(shop.anna) == Recent("anna", DAY, count, stake)


def test_what_the_plan_itself_is_about_is_not_counted_twice(shop: Shop) -> None:
    sagas = [shop.saga(CHARGED) for _ in range(3)]
    for saga in sagas[:2]:
        repairs.cancel(single(shop, saga), ANNA, "again")
    assert lately(shop.anna, saga=sagas[0].pk).count == 1
    assert lately(shop.anna, batch=planned(shop, sagas[1:]).pk).count == 1
    assert lately(shop.anna).count == 2


def test_each_window_is_its_own(shop: Shop) -> None:
    old = single(shop, shop.saga(CHARGED))
    Repair.objects.filter(pk=old.pk).update(started_at=timezone.now() - timedelta(days=2))
    single(shop, shop.saga(CHARGED))
    found = begun.recently(shop.anna, [7 * DAY, DAY], timezone.now())
    assert {within: recent.count for within, recent in found.items()} == {DAY: 1, 7 * DAY: 2}
    assert [recent.count for recent in begun.some(found)] == [1, 2]
    assert begun.recently(None, [DAY], timezone.now()) == {}


def test_an_unknown_stake_is_known_to_be_unknown(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a type whose definition says what is at stake; else there is nothing to be known."""
    single(shop, shop.saga(CHARGED))
    assert lately(shop.anna) == Recent("anna", DAY, 1)
    rules()
    single(shop, shop.saga(CHARGED))
    monkeypatch.setitem(PAYLOADS, ("charge", "step.completed"), '{"amount": "a lot"}')
    batch = planned(shop, [shop.saga(CHARGED)], step="")
    begin(shop, planned(shop, [shop.saga("reserve:S reserve:C ship:S ship:F")], step="reserve"))
    assert lately(shop.anna) == Recent("anna", DAY, 3, {"EUR": Decimal("129.90")}, 1)
    rules("cumulative.stake.exists(c, cumulative.stake[c] > 9000)", version="3")
    seen = repairs.preview(shop.saga("reserve:S reserve:C ship:S ship:F"), "compensate", "reserve", shop.anna)
    assert "Nobody can tell" in str(seen.requirement) and batch.requirement is None


def test_it_is_found_by_an_index(shop: Shop) -> None:
    """However much they began long ago."""
    begin(shop, planned(shop, [shop.saga(CHARGED)]))
    repair, batch = single(shop, shop.saga(CHARGED)), Batch.objects.get()
    for row in (repair, batch):
        row.started_by, row.started_at, row.state = shop.anna, timezone.now() - timedelta(days=99), "done"
        type(row).objects.bulk_create([copied(row) for _ in range(1000)])
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE compensation_repair, compensation_batch")
        given = {"person": shop.anna.pk, "since": timezone.now(), "saga": None, "batch": None}
        cursor.execute(f"EXPLAIN {statements.RECENT}", given)
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "repair_begun_lately" in plan and "batch_begun_lately" in plan


def copied(row: Repair | Batch) -> Repair | Batch:
    values = {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}
    return type(row)(**values | {"id": None})


def test_single_repairs_come_to_their_limit(shop: Shop) -> None:
    rules("cumulative.count > 2")
    for _ in range(2):
        single(shop, shop.saga(CHARGED))
    with pytest.raises(AgreementMissingError, match=r"cumulative.count > 2 So 1 person of the group"):
        single(shop, shop.saga(CHARGED))
    assert Repair.objects.count() == 2
    seen = repairs.preview(shop.saga(CHARGED), "compensate", "charge", shop.anna)
    assert [str(one) for one in seen.recent] == [
        "Counted with it: 2 other sagas, 259.80 EUR, which anna began to repair in the last 24 h "
        "and nobody else agreed to."
    ]


def test_stakes_that_are_split_are_added_up(shop: Shop) -> None:
    rules("cumulative.stake.EUR > 500")
    begin(shop, many(shop, 3))
    assert many(shop, 1).requirement
    with pytest.raises(AgreementMissingError):
        single(shop, shop.saga(CHARGED))


def test_batches_that_were_planned_side_by_side_are_judged_when_they_are_started(shop: Shop) -> None:
    rules("cumulative.count > 5")
    first, second, third = (many(shop, 2) for _ in range(3))
    assert not any(batch.requirement for batch in (first, second, third))
    begin(shop, first)
    begin(shop, second)
    with pytest.raises(NotAgreedError):
        begin(shop, third)
    third.refresh_from_db()
    assert (third.state, third.started_at) == (State.PLANNED, None)
    assert third.because == "With what anna has begun of late, others must agree before it is started."
    assert [str(one) for one in demands.recent_of(third)] == [
        "Counted with it: 4 other sagas, 519.60 EUR, which anna began to repair in the last 24 h "
        "and nobody else agreed to."
    ]
    entry = AuditEntry.objects.get(action="batch.held_back")
    assert entry.actor == "anna" and entry.after["requirement"] == third.requirement
    assert not AuditEntry.objects.filter(action="batch.started", object_id=str(third)).exists()


def test_what_was_held_back_is_put_to_others_and_does_not_count_any_more(shop: Shop, ben: User) -> None:
    rules("cumulative.count > 2")
    first, second = many(shop, 2), many(shop, 2)
    begin(shop, first)
    with pytest.raises(NotAgreedError):
        begin(shop, second)
    agreeing.ask(second, second.plan_hash, ANNA)
    agreeing.agree(second, second.plan_hash, BEN, ben)
    # What was settled holds: it is judged again, and asks for no more.
    assert begin(shop, second).state == State.RUNNING
    assert lately(shop.anna).count == 2


def test_who_starts_it_counts_and_not_who_planned_it(shop: Shop, ben: User) -> None:
    rules("cumulative.count > 2")
    single(shop, shop.saga(CHARGED), user=ben)
    batch = many(shop, 2)
    assert batch.requirement is None
    with pytest.raises(NotAgreedError):
        begin(shop, batch, ben)


Start = Callable[[], object]


def two_repairs(shop: Shop) -> tuple[Start, Start]:
    first, second = shop.saga(CHARGED), shop.saga(CHARGED)
    return (lambda: single(shop, first)), (lambda: single(shop, second))


def two_batches(shop: Shop) -> tuple[Start, Start]:
    first, second = many(shop, 1), many(shop, 1)
    return (lambda: begin(shop, first)), (lambda: begin(shop, second))


def a_batch_and_a_repair(shop: Shop) -> tuple[Start, Start]:
    return two_batches(shop)[0], two_repairs(shop)[0]


def a_broken_glass_and_a_repair(shop: Shop) -> tuple[Start, Start]:
    batch = many(shop, 2)
    glass = (batch, batch.plan_hash, ANNA, "now", shop.anna)
    return (lambda: agreeing.break_glass(*glass)), two_repairs(shop)[0]


@pytest.mark.parametrize(
    "pair", [two_repairs, two_batches, a_batch_and_a_repair, a_broken_glass_and_a_repair]
)
def test_two_that_are_started_at_the_same_moment_do_not_both_slip_through(
    open_shop: Shop, monkeypatch: pytest.MonkeyPatch, pair: Callable[[Shop], tuple[Start, Start]]
) -> None:
    """The rival comes when the first one has looked at what was begun, and has not committed."""
    rules("cumulative.count > 1")
    first, second = pair(open_shop)
    outcome: list[str] = []

    def rival() -> None:
        try:
            second()
            outcome.append("slipped through")
        except (AgreementMissingError, NotAgreedError):
            outcome.append("held back")

    thread = threading.Thread(target=hangs_up(rival))
    lock = begun.lock

    def lock_and_be_met(person: User | None) -> None:
        lock(person)
        if threading.current_thread() is not thread and not thread.ident:
            thread.start()
            # Or else it is through.
            wait_until_somebody_waits()

    monkeypatch.setattr(begun, "lock", lock_and_be_met)
    first()
    thread.join(PATIENCE)
    assert outcome == ["held back"]


def test_what_is_stored_of_it_reads_back(shop: Shop) -> None:
    recent = [Recent("anna", DAY, 3, {"EUR": Decimal("1250.00000001"), "": Decimal(7)}, 1)]
    batch = Batch(summary={"recent": demands.to_json(recent)})
    assert demands.recent_of(batch) == recent and demands.recent_of(Batch(summary={})) == []
