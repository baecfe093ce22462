"""Batches by the API: chosen, planned, agreed to, run, read; and what each refusal tells."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Group

from compensation.batches import planning, runner
from compensation.models import Batch, Repair, Review
from console.permissions import Role
from sagas.audit import Actor
from sagas.definitions import loading
from sagas.models import AuditEntry
from tests.compensation.participants import serving
from tests.compensation.shop import Shop
from tests.compensation.stories import SHOP_YAML
from tests.console import world
from tests.console.batches import HASH, batch_for
from tests.console.cast import Person, person, post
from tests.console.web.test_batches import DONE, PAST, by_default_policy

pytestmark = pytest.mark.django_db
CHARGE = {"intent": "compensate", "step": "charge", "reason": "OPS-7", "canary": 0}


@pytest.fixture
def shop(db: None) -> Iterator[Shop]:
    with serving() as served:
        yield Shop(served)


@pytest.fixture
def open_shop(transactional_db: None) -> Iterator[Shop]:
    with serving() as served:
        yield Shop(served)


@pytest.fixture
def olga() -> Person:
    return person("olga", Role.OPERATOR)


def told(who: Person, address: str) -> Any:
    answer = who.program.get(f"/api/v1/{address}")
    assert answer.status_code == 200, answer.content
    return answer.json()


def planned(who: Person, **body: Any) -> Any:
    """Planned by a worker, and what is told of it then."""
    answer = post(who.program, "batches", CHARGE | body)
    assert answer.status_code == 201, answer.content
    created = answer.json()
    assert (created["state"], created["summary"], created["plan_hash"]) == ("planning", None, "")
    assert answer["Location"] == f"/api/v1/batches/{created['id']}"
    planning.plan(created["id"])
    return told(who, f"batches/{created['id']}")


def decide(who: Person, batch: Any, act: str, status: int = 200, **body: Any) -> Any:
    answer = post(who.program, f"batches/{batch['id']}/{act}", body)
    assert answer.status_code == status, answer.content
    return answer.json()


def test_sagas_that_match_are_planned_started_and_done(open_shop: Shop, olga: Person) -> None:
    ids = [open_shop.saga(DONE).saga_id for _ in range(3)]
    batch = planned(olga, filter={"type": "order", "status": ["running", "completed"]})
    assert batch["title"] == "3 sagas: type order, status running or completed"
    assert batch["selection"] == {"filter": {"type": ["order"], "status": ["running", "completed"]}}
    assert (batch["state"], batch["requirement"], batch["missing"]) == ("planned", None, "")
    assert batch["summary"]["actions"] == [
        {"kind": "compensate", "participant": "payment", "step": "charge", "count": 3}
    ]
    assert not open_shop.served.received and not Repair.objects.exists()

    assert decide(olga, batch, "start", plan_hash=batch["plan_hash"])["state"] == "running"
    runner.run(batch["id"])
    done = told(olga, f"batches/{batch['id']}")
    assert (done["state"], done["started_by"], done["progress"]["done"]) == ("done", "olga", 3)
    lines = told(olga, f"batches/{batch['id']}/sagas?limit=2")
    assert [line["saga"]["id"] for line in lines["results"]] == ids[:2]
    rest = olga.program.get(lines["next"]).json()["results"]
    repairs = [line["repair"]["id"] for line in lines["results"] + rest]
    assert sorted(repairs) == sorted(Repair.objects.values_list("pk", flat=True))
    assert told(olga, f"repairs/{repairs[0]}")["batch"] == batch["id"]
    assert told(olga, f"batches/{batch['id']}/sagas?state=dropped")["results"] == []
    # Also of each saga's repair: it was a program that started them, in her name.
    for entry in AuditEntry.objects.filter(action__in=["batch.started", "repair.started"]):
        assert (entry.actor_kind, entry.actor) == ("token", "olga")
    assert set(Repair.objects.values_list("started_by", flat=True)) == {olga.user.pk}


def test_what_is_left_alone_says_why(shop: Shop, olga: Person) -> None:
    names = [{"type": "order", "id": shop.saga(words).saga_id} for words in (DONE, "check:S check:C")]
    batch = planned(olga, sagas=names, step="")
    assert batch["title"] == "2 sagas" and batch["selection"] == {"sagas": names}
    (line,) = told(olga, f"batches/{batch['id']}/sagas?state=left&code=nothing_to_do")["results"]
    assert line["saga"] == names[1] and line["why"] and line["repair"] is None
    assert batch["progress"]["left"] == batch["summary"]["left_alone"][0]["count"] == 1


def test_what_has_moved_is_told_beside_what_was_planned(shop: Shop, olga: Person) -> None:
    saga = shop.saga(DONE)
    batch = planned(olga, filter={}, step="")
    address = f"batches/{batch['id']}/sagas/1/changes"
    same = told(olga, address)
    assert (same["is_same"], same["is_known"], same["events"]) == (True, True, [])
    assert same["plan_hash"] == same["saga"]["plan_hash"]
    shop.tell(saga.saga_id, "charge:KS charge:K+")
    moved = told(olga, address)
    assert (moved["is_same"], moved["revision"]) == (False, same["revision"] + 2)
    assert [event["type"] for event in moved["events"]] == ["compensation.started", "compensation.completed"]
    gone, stays = moved["differences"]
    assert (gone["how"], gone["then"]["step"], gone["now"]) == ("removed", "charge", None)
    assert gone["why"] == "It was undone already." and (stays["how"], stays["differs"]) == ("same", [])
    assert [action["step"] for action in moved["plan"]["actions"]] == ["reserve"]
    assert olga.program.get(f"/api/v1/batches/{batch['id']}/sagas/2/changes").status_code == 404


def test_a_problem_is_chosen_by_its_key(olga: Person) -> None:
    built = world.build()
    batch = planned(olga, problem=built.problem.pk, intent="ask", step="ship-parcel")
    assert batch["title"] == "ship parcel never answered, 1 saga"
    (line,) = told(olga, f"batches/{batch['id']}/sagas")["results"]
    assert line["saga"] == {"type": "order", "id": "o/1"}


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({}, "by one of problem, sagas and filter"),
        ({"problem": 1, "filter": {}}, "by one of problem, sagas and filter"),
        ({"problem": 999999}, "problem: There is no problem 999999."),
        ({"sagas": [{"type": "order", "id": "o-x"}]}, "There is no saga order/o-x"),
        ({"sagas": [{"type": "order", "id": str(n)} for n in range(1001)]}, "no more than 1000"),
        ({"filter": {"tpye": "order"}}, "filter.tpye: There is no such parameter."),
        ({"filter": {"status": "odd"}}, "filter.status: "),
        ({"filter": {"left_by": "B-1"}}, "filter.left_by: Must be a batch's id, without B-."),
        ({"filter": {"key": "odd"}}, "filter.key: Must be a key's name and its value"),
        ({"filter": {"started_after": "odd"}}, "filter.started_after: "),
        ({"filter": {"type": {"a": 1}}}, "filter.type: "),
        ({"filter": {}, "reason": " "}, "reason: "),
        ({"filter": {}, "intent": "record"}, "intent: "),
        ({"filter": {}, "most_failures": "nan"}, "most_failures: "),
        ({"filter": {}, "canary": -1}, "canary: "),
        ({"filter": {}, "hurry": True}, "hurry: There is no such member."),
    ],
)
def test_what_cannot_be_planned_is_told_by_field(
    shop: Shop, olga: Person, body: dict[str, Any], says: str
) -> None:
    shop.saga(DONE)
    answer = post(olga.program, "batches", CHARGE | body)
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (400, "invalid") and says in problem["detail"]
    assert not Batch.objects.exists()


def test_where_nothing_matches_nothing_is_planned(shop: Shop, olga: Person) -> None:
    answer = post(olga.program, "batches", CHARGE | {"filter": {"type": "none"}})
    assert (answer.status_code, answer.json()["code"]) == (409, "nothing_chosen")
    assert not Batch.objects.exists()


def test_somebody_else_agrees_before_it_is_started(open_shop: Shop, olga: Person) -> None:
    by_default_policy()
    open_shop.saga(PAST)
    carl = person("carl", Role.APPROVER)
    batch = planned(olga, filter={}, step="")
    pinned = {"plan_hash": batch["plan_hash"]}
    assert batch["requirement"]["who"] == batch["missing"] == "1 person of the group approver or admin"
    refused = decide(olga, batch, "start", 409, **pinned)
    assert (refused["code"], refused["missing"]) == ("not_agreed", batch["missing"])
    assert told(carl, "batches?waiting_for_me=true")["results"] == []

    asked = decide(olga, batch, "ask", **pinned)
    assert asked["state"] == "asking" and asked["expires_at"]
    assert [one["id"] for one in told(carl, "batches?waiting_for_me=true")["results"]] == [batch["id"]]
    assert told(carl, "batches?waiting_for_me=false")["results"] == []
    assert told(olga, "batches?waiting_for_me=true")["results"] == []
    refused = decide(olga, batch, "agree", 403, **pinned)
    assert (refused["code"], refused["detail"]) == ("may_not_agree", asked["why_you_may_not_agree"])
    assert not Review.objects.exists()

    decide(carl, batch, "deny", 400, **pinned)
    denied = decide(carl, batch, "deny", reason="parcels are out", **pinned)
    assert (denied["state"], denied["because"]) == ("planned", "carl did not agree: parcels are out")
    decide(olga, batch, "ask", **pinned)
    agreed = decide(carl, batch, "agree", note="looked at it", **pinned)
    (review,) = agreed["reviews"]
    assert (agreed["state"], agreed["missing"]) == ("agreed", "")
    assert (review["by"], review["verdict"], review["note"]) == ("carl", "agreed", "looked at it")
    decide(olga, batch, "start", **pinned)
    runner.run(batch["id"])
    assert told(olga, f"batches/{batch['id']}")["state"] == "done"


def test_people_of_a_group_that_the_policy_names_agree_whatever_their_role() -> None:
    fred, batch = person("fred", Role.VIEWER), batch_for("agree")
    batch.requirement["demands"][0]["groups"] = ["finance"]
    batch.save()
    body = {"plan_hash": HASH}
    refused = post(fred.program, f"batches/{batch.pk}/agree", body)
    assert (refused.status_code, refused.json()["code"]) == (403, "may_not_agree")
    assert "1 person of the group finance" in refused.json()["detail"]
    fred.user.groups.add(Group.objects.create(name="finance"))
    assert post(fred.program, f"batches/{batch.pk}/agree", body).json()["state"] == "agreed"


def test_an_admin_starts_it_against_the_policy_and_it_stays_in_sight(olga: Person) -> None:
    ada, batch = person("ada", Role.ADMIN), {"id": batch_for("break-glass").pk}
    refused = decide(olga, batch, "break-glass", 403, plan_hash=HASH, reason="now")
    assert "Only a person with the role admin may start repairs against the policy" in refused["detail"]
    decide(ada, batch, "break-glass", 400, plan_hash=HASH)
    assert Batch.objects.get().state == "asking"
    assert not AuditEntry.objects.filter(object_kind="batch").exists()
    broken = decide(ada, batch, "break-glass", plan_hash=HASH, reason="parcels leave at four")
    assert (broken["state"], broken["broken_glass"]) == ("running", "ada: parcels leave at four")


def test_many_are_confirmed_by_their_number(olga: Person) -> None:
    row = batch_for("start")
    row.summary["sagas"] = 25
    row.save()
    for more in ({}, {"sagas": 24}):
        refused = decide(olga, {"id": row.pk}, "start", 400, plan_hash=HASH, **more)
        assert refused["errors"][0]["field"] == "sagas" and "25" in refused["detail"]
    assert decide(olga, {"id": row.pk}, "start", plan_hash=HASH, sagas=25)["state"] == "running"


def test_it_is_paused_resumed_and_cancelled(olga: Person) -> None:
    batch = {"id": batch_for("pause").pk}
    paused = decide(olga, batch, "pause")
    assert (paused["state"], paused["because"]) == ("paused", "olga paused it.")
    refused = decide(olga, batch, "pause", 409)
    assert (refused["code"], refused["state"]) == ("not_so", "paused")
    assert decide(olga, batch, "resume", reason="looked")["state"] == "running"
    decide(olga, batch, "cancel", 400)
    assert decide(olga, batch, "cancel", reason="enough")["state"] == "cancelled"
    assert decide(olga, batch, "resume", 409)["state"] == "cancelled"


def test_what_it_left_behind_is_planned_again(shop: Shop, olga: Person) -> None:
    saga = shop.saga(DONE)
    batch = planned(olga, filter={})
    assert told(olga, f"sagas?left_by={batch['id']}")["results"] == []
    decide(olga, batch, "cancel", reason="not today")
    assert [one["id"] for one in told(olga, f"sagas?left_by={batch['id']}")["results"]] == [saga.saga_id]
    again = planned(olga, filter={"left_by": str(batch["id"])})
    assert again["title"] == f"1 saga: not put right by B-{batch['id']}"


def test_conflicts_have_codes_of_their_own(olga: Person) -> None:
    batch = {"id": batch_for("start").pk}
    stale = decide(olga, batch, "start", 409, plan_hash="0" * 64)
    assert (stale["code"], stale["plan_hash"]) == ("changed", HASH)
    assert decide(olga, batch, "ask", 409, plan_hash=HASH)["code"] == "not_asked"
    late = batch_for("agree")
    late.expires_at = late.planned_at
    late.save()
    carl = person("carl", Role.APPROVER)
    assert decide(carl, {"id": late.pk}, "agree", 409, plan_hash=HASH)["code"] == "expired"
    assert not Review.objects.exists()


def test_the_list_is_narrowed(shop: Shop, olga: Person) -> None:
    shop.saga(DONE)
    mine, other = planned(olga, filter={})["id"], batch_for("pause").pk
    listed = {
        query: [one["id"] for one in told(olga, f"batches?{query}")["results"]]
        for query in ("", "mine=true", "mine=false", "state=running&state=paused", "state=planned")
    }
    assert listed == {
        "": [other, mine],
        "mine=true": [mine],
        "mine=false": [other],
        "state=running&state=paused": [other],
        "state=planned": [mine],
    }
    assert olga.program.get("/api/v1/batches?stat=planned").status_code == 400


def test_what_was_begun_of_late_is_told_and_holds_back(shop: Shop, olga: Person) -> None:
    text = SHOP_YAML.replace('version: "1"', 'version: "2"')
    rule = "{when: cumulative.count > 1, within: 7d, because: too many}"
    stake = "stake: {amount: amount, currency: EUR}"
    loading.load(text.replace("approval: []", f"approval: [{rule}]") + stake, "shop.yaml", Actor.system())
    names = [{"type": "order", "id": shop.saga(DONE).saga_id} for _ in range(2)]
    first, second = (planned(olga, sagas=[name]) for name in names)
    assert second["recent"] == [] and second["requirement"] is None
    decide(olga, first, "start", plan_hash=first["plan_hash"])
    refused = decide(olga, second, "start", 409, plan_hash=second["plan_hash"])
    assert (refused["code"], refused["missing"]) == ("not_agreed", "1 person of the group approver or admin")
    now = told(olga, f"batches/{second['id']}")
    assert (now["state"], now["requirement"]["because"]) == ("planned", ["too many"])
    counted = {
        "by": "olga",
        "within": 604800.0,
        "sagas": 1,
        "stakes": [{"currency": "EUR", "amount": "129.9"}],
        "unknown": 0,
        "words": "Counted with it: 1 other saga, 129.90 EUR, which olga began to repair in the last 7 d "
        "and nobody else agreed to.",
    }
    assert now["recent"] == [counted]
    where = f"sagas/order/{shop.saga(DONE).saga_id}/repairs/preview"
    seen = post(olga.program, where, {"intent": "compensate", "step": "charge"}).json()
    assert (seen["requirement"]["because"], seen["recent"]) == (["too many"], [counted])
    carl = person("carl", Role.APPROVER)
    seen = post(carl.program, where, {"intent": "compensate", "step": "charge"}).json()
    assert (seen["requirement"], seen["recent"]) == (None, [])


def test_a_single_repair_says_that_others_must_agree(shop: Shop, olga: Person) -> None:
    by_default_policy()
    where = f"sagas/order/{shop.saga(PAST).saga_id}/repairs"
    seen = post(olga.program, f"{where}/preview", {"intent": "compensate"}).json()
    body = {key: seen[key] for key in ("revision", "plan_hash")}
    answer = post(olga.program, where, {"intent": "compensate", "reason": "OPS-1", **body})
    refused = answer.json()
    assert (answer.status_code, refused["code"]) == (409, "agreement_missing")
    assert refused["requirement"]["who"] == "1 person of the group approver or admin"
    assert not Repair.objects.exists()
