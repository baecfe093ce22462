"""Role × endpoint: every address that Amends answers at, with every method, and who is let in.

A new address without a row here fails `test_matrix`. `allowed` names the roles that are let in; `ANYONE` are
also people who are not signed in, `NOBODY` are people at all (participants' keys open it).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.utils import timezone

from compensation import repairs
from console import tokens
from console.models import SavedView
from console.permissions import Role
from sagas import acceptance
from sagas.alerts import signing
from sagas.alerts.people import choosing
from sagas.audit import Actor
from sagas.models import Finding
from tests.console.batches import CARE, HASH, batch_for, dropped_from
from tests.console.cast import Person
from tests.console.world import World

ANYONE = frozenset({"anonymous", "outsider", *Role})
SIGNED_IN = frozenset({"outsider", *Role})
VIEWERS = frozenset[str](Role)
OPERATORS = frozenset[str]({Role.OPERATOR, Role.APPROVER, Role.ADMIN})
# Whose agreement the built-in policy asks for.
AGREEING = frozenset[str]({Role.APPROVER, Role.ADMIN})
ADMINS = frozenset[str]({Role.ADMIN})
UNMASKERS = frozenset[str]({Role.APPROVER, Role.ADMIN})
NOBODY = frozenset[str]()

Address = str | Callable[[World, Person | None], str]
Body = dict[str, Any] | str | Callable[[World], dict[str, Any]]


@dataclass(frozen=True)
class Row:
    """One method of one route. `status`: what those who are let in are answered."""

    route: str
    method: str
    allowed: frozenset[str]
    status: int = 200
    # The address itself, where the route has names in it.
    address: Address = ""
    body: Body = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.method} /{self.route}"


def in_an_hour() -> str:
    return (timezone.now() + timedelta(hours=1)).isoformat()


def link(world: World) -> str:
    return signing.token(signing.Link(world.incident.pk, "oncall@elsewhere.example"))


def started(world: World) -> dict[str, Any]:
    seen = repairs.preview(world.well, "compensate", "reserve-stock")
    return {
        "intent": "compensate",
        "step": "reserve-stock",
        "reason": "OPS-1",
        "revision": seen.revision,
        "plan_hash": seen.hash,
    }


def seen(finding: Finding) -> dict[str, Any]:
    return {"reason": "OPS-1", "digest": acceptance.of_finding(finding)}


def meant(world: World, count: int) -> dict[str, Any]:
    return {"reason": "OPS-1", "digest": acceptance.of_problem(world.problem), "count": count}


def page_of(finding: Finding, act: str) -> str:
    saga_id = "o%2F1" if act == "accept" else "o-2"
    return f"sagas/order/{saga_id}/findings/{finding.pk}/{act}"


def own_token(world: World, who: Person | None) -> str:
    """The number of one of their own tokens; nobody's for those who can have none."""
    return str(tokens.issue(who.user, Actor.system()).token.pk) if who else "0"


def looked_at(world: World, _: Person | None) -> str:
    return f"batches/{dropped_from(batch_for('pause'), world.well).batch_id}/sagas/1/"


def own_watch(world: World, who: Person | None) -> str:
    """One of their own; nobody's for those who can have none."""
    return f"api/v1/watches/{watching(who)}"


def own_watch_page(world: World, who: Person | None) -> str:
    return f"account/hearing/{watching(who)}/remove"


def watching(who: Person | None) -> int:
    return choosing.watch_type(who.user, "order", timezone.now()).pk if who else 0


def own_view(who: Person | None) -> int:
    """One of their own; nobody's for those who can have none."""
    if who is None:
        return 0
    view, _ = SavedView.objects.get_or_create(owner=who.user, name="own", query={"type": "order"})
    return view.pk


def pressed(button: str) -> dict[str, Any]:
    """The button on the page of a batch that is as it has to be for that."""
    return {
        "route": f"batches/<int:pk>/{button}",
        "address": lambda _, __: f"batches/{batch_for(button).pk}/{button}",
        "body": lambda _: {"plan_hash": HASH, "reason": "OPS-1"},
    }


def decided(act: str, body: dict[str, Any]) -> dict[str, Any]:
    """By a program, about a batch that is as it has to be for that."""
    return {
        "route": f"{API}batches/<int:pk>/{act}",
        "method": "POST",
        "address": lambda _, __: f"{API}batches/{batch_for(act).pk}/{act}",
        "body": body,
    }


API = "api/v1/"
SAGA = f"{API}sagas/<name:saga_type>/<saga_id:saga_id>"
O1, O2 = f"{API}sagas/order/o%2F1", f"{API}sagas/order/o-2"
PARTICIPANT = f"{API}participants/<name:name>"
FINDING = "sagas/<name:saga_type>/<saga_id:saga_id>/findings/<int:pk>"
REPAIR = "sagas/<name:saga_type>/<saga_id:saga_id>/repair"
TRIALS = f"{API}definitions/trials"
EXPORTS = f"{API}audit/exports"
NEW_DEFINITION = "type: laundry\nversion: '1'\nsteps: [{name: wash, kind: readonly}]\n"

PREFERRED = {"mail": "ada@example.com", "zone": "UTC", "loud_from": "error"}
SILENCE: dict[str, Any] = {"match": {"saga_types": ["order"]}, "reason": "OPS-1"}
WATCHES, PREFERENCES = f"{API}watches", f"{API}preferences"

PROGRAMS = [
    Row(f"{API}events", "POST", NOBODY),
    Row(WATCHES, "GET", VIEWERS),
    Row(WATCHES, "POST", VIEWERS, 201, body={"saga_type": "order"}),
    Row(f"{API}silences", "GET", VIEWERS),
    Row(f"{API}silences", "POST", OPERATORS, 201, body=lambda _: SILENCE | {"expires_at": in_an_hour()}),
    Row(f"{API}silences/preview", "POST", VIEWERS, body={"match": SILENCE["match"]}),
    Row(
        f"{API}silences/<int:pk>/end",
        "POST",
        OPERATORS,
        address=lambda w, _: f"{API}silences/{w.silence.pk}/end",
    ),
    Row(f"{WATCHES}/<int:pk>", "DELETE", VIEWERS, 204, own_watch),
    Row(f"{API}views", "GET", VIEWERS),
    Row(f"{API}views", "POST", VIEWERS, 201, body={"name": "late", "query": {"type": "order"}}),
    Row(f"{API}views/<int:pk>", "DELETE", VIEWERS, 204, lambda _, who: f"{API}views/{own_view(who)}"),
    Row(PREFERENCES, "GET", VIEWERS),
    Row(PREFERENCES, "PUT", VIEWERS, body=PREFERRED),
    Row(f"{API}sagas", "GET", VIEWERS),
    Row(SAGA, "GET", VIEWERS, address=O1),
    Row(f"{SAGA}/events", "GET", VIEWERS, address=f"{O1}/events"),
    Row(f"{SAGA}/repairs", "GET", VIEWERS, address=f"{O1}/repairs"),
    Row(f"{SAGA}/repairs", "POST", OPERATORS, 201, f"{O2}/repairs", started),
    Row(
        f"{SAGA}/repairs/preview",
        "POST",
        VIEWERS,
        address=f"{O2}/repairs/preview",
        body={"intent": "compensate"},
    ),
    Row(f"{SAGA}/case-file", "POST", VIEWERS, address=f"{O1}/case-file"),
    Row(
        f"{API}repairs/<int:pk>/case-file",
        "POST",
        VIEWERS,
        address=lambda w, _: f"{API}repairs/{w.repair.pk}/case-file",
    ),
    Row(
        f"{API}batches/<int:pk>/case-file",
        "POST",
        VIEWERS,
        address=lambda w, _: f"{API}batches/{batch_for('ask').pk}/case-file",
    ),
    Row(f"{API}problems", "GET", VIEWERS),
    Row(f"{API}problems/<int:pk>", "GET", VIEWERS, address=lambda w, _: f"{API}problems/{w.problem.pk}"),
    *[
        Row(
            f"{API}problems/<int:pk>/{act}",
            "POST",
            OPERATORS,
            address=lambda w, _, act=act: f"{API}problems/{w.problem.pk}/{act}",
            body=body,
        )
        for act, body in (
            ("acknowledge", {}),
            ("snooze", {"until": None}),
            ("assign", {"to": ""}),
            ("resume", {}),
        )
    ],
    Row(
        f"{API}problems/<int:pk>/accept",
        "POST",
        OPERATORS,
        address=lambda w, _: f"{API}problems/{w.problem.pk}/accept",
        body=lambda w: meant(w, count=1),
    ),
    Row(
        f"{SAGA}/findings/<int:pk>/accept",
        "POST",
        OPERATORS,
        address=lambda w, _: f"{O1}/findings/{w.finding.pk}/accept",
        body=lambda w: seen(w.finding),
    ),
    Row(
        f"{SAGA}/findings/<int:pk>/withdraw",
        "POST",
        OPERATORS,
        address=lambda w, _: f"{O2}/findings/{w.accepted.pk}/withdraw",
        body={"reason": "OPS-1"},
    ),
    Row(f"{API}repairs", "GET", VIEWERS),
    Row(f"{API}repairs/<int:pk>", "GET", VIEWERS, address=lambda w, _: f"{API}repairs/{w.repair.pk}"),
    Row(
        f"{API}repairs/<int:pk>/cancel",
        "POST",
        OPERATORS,
        address=lambda w, _: f"{API}repairs/{w.repair.pk}/cancel",
        body={"reason": "OPS-1"},
    ),
    Row(f"{API}batches", "GET", VIEWERS),
    Row(
        f"{API}batches",
        "POST",
        OPERATORS,
        201,
        body=lambda w: {"intent": "ask", "reason": "OPS-1", "problem": w.problem.pk},
    ),
    Row(
        f"{API}batches/<int:pk>",
        "GET",
        VIEWERS,
        address=lambda w, _: f"{API}batches/{batch_for('ask').pk}",
    ),
    Row(
        f"{API}batches/<int:pk>/sagas",
        "GET",
        VIEWERS,
        address=lambda w, _: f"{API}batches/{batch_for('ask').pk}/sagas",
    ),
    Row(
        f"{API}batches/<int:pk>/sagas/<int:position>/changes",
        "GET",
        VIEWERS,
        address=lambda w, who: f"{API}{looked_at(w, who)}changes",
    ),
    *[Row(allowed=OPERATORS, **decided(act, {"plan_hash": HASH})) for act in ("ask", "start")],
    *[Row(allowed=OPERATORS, **decided(act, {"reason": "OPS-1"})) for act in ("pause", "resume", "cancel")],
    Row(allowed=AGREEING, **decided("agree", {"plan_hash": HASH, "note": "Looked."})),
    Row(allowed=AGREEING, **decided("deny", {"plan_hash": HASH, "reason": "OPS-1"})),
    Row(allowed=ADMINS, **decided("break-glass", {"plan_hash": HASH, "reason": "OPS-1"})),
    Row(f"{API}participants", "GET", VIEWERS),
    Row(f"{API}participants", "POST", ADMINS, 201, body={"name": "payment"}),
    Row(PARTICIPANT, "GET", VIEWERS, address=f"{API}participants/shipping"),
    Row(PARTICIPANT, "PATCH", ADMINS, address=f"{API}participants/shipping", body={"owner": "o"}),
    Row(f"{PARTICIPANT}/keys", "POST", ADMINS, 201, f"{API}participants/shipping/keys"),
    Row(
        f"{PARTICIPANT}/keys/<int:pk>",
        "DELETE",
        ADMINS,
        204,
        lambda w, _: f"{API}participants/shipping/keys/{w.key.pk}",
    ),
    Row(f"{PARTICIPANT}/pace", "GET", VIEWERS, address=f"{API}participants/shipping/pace"),
    Row(f"{PARTICIPANT}/pace", "PUT", ADMINS, 200, f"{API}participants/shipping/pace", {"at_once": 4}),
    Row(f"{PARTICIPANT}/signing-secret", "POST", ADMINS, 201, f"{API}participants/shipping/signing-secret"),
    Row(f"{API}definitions", "GET", VIEWERS),
    Row(f"{API}definitions", "POST", ADMINS, 201, body=NEW_DEFINITION),
    Row(f"{API}definitions/seen", "GET", VIEWERS, address=f"{API}definitions/seen?type=order"),
    Row(TRIALS, "GET", VIEWERS),
    Row(TRIALS, "POST", ADMINS, 202, body=NEW_DEFINITION),
    Row(f"{TRIALS}/<int:pk>", "GET", VIEWERS, address=lambda w, _: f"{TRIALS}/{w.trial.pk}"),
    Row(f"{TRIALS}/<int:pk>/cancel", "POST", ADMINS, address=lambda w, _: f"{TRIALS}/{w.asked.pk}/cancel"),
    Row(
        f"{TRIALS}/<int:pk>/activate",
        "POST",
        ADMINS,
        address=lambda w, _: f"{TRIALS}/{w.trial.pk}/activate",
        body=lambda w: {"digest": w.trial.digest},
    ),
    Row(
        f"{API}definitions/<name:saga_type>/<name:version>",
        "GET",
        VIEWERS,
        address=f"{API}definitions/order/1",
    ),
    Row(f"{API}quarantine", "GET", VIEWERS),
    Row(
        f"{API}quarantine/<int:pk>",
        "GET",
        VIEWERS,
        address=lambda w, _: f"{API}quarantine/{w.quarantined.pk}",
    ),
    Row(f"{API}quarantine/replay", "POST", OPERATORS, body=lambda w: {"ids": [w.quarantined.pk]}),
    Row(f"{API}quarantine/types", "GET", VIEWERS),
    Row(
        f"{API}quarantine/types/<int:pk>/replay",
        "POST",
        OPERATORS,
        202,
        lambda w, _: f"{API}quarantine/types/{w.foreign_type.pk}/replay",
    ),
    Row(
        f"{API}quarantine/replays/<int:pk>",
        "GET",
        VIEWERS,
        address=lambda w, _: f"{API}quarantine/replays/{w.replay.pk}",
    ),
    Row(f"{API}audit", "GET", VIEWERS),
    Row(EXPORTS, "GET", VIEWERS),
    Row(EXPORTS, "POST", VIEWERS, 202, body={"format": "csv"}),
    Row(f"{EXPORTS}/<int:pk>", "GET", VIEWERS, address=lambda w, _: f"{EXPORTS}/{w.export.pk}"),
    Row(f"{EXPORTS}/<int:pk>/file", "GET", VIEWERS, address=lambda w, _: f"{EXPORTS}/{w.export.pk}/file"),
    Row(
        f"{EXPORTS}/<int:pk>/cancel",
        "POST",
        VIEWERS,
        address=lambda w, _: f"{EXPORTS}/{w.exporting.pk}/cancel",
    ),
    Row(f"{API}tokens", "GET", VIEWERS),
    Row(f"{API}tokens", "POST", VIEWERS, 201),
    Row(
        f"{API}tokens/<int:pk>",
        "DELETE",
        VIEWERS,
        204,
        lambda w, who: f"{API}tokens/{own_token(w, who)}",
    ),
    Row(f"{API}schema", "GET", ANYONE),
    Row(f"{API}docs", "GET", ANYONE),
    Row("healthz", "GET", ANYONE),
    # The test's own stack has no worker, so that it answers 503.
    Row("readyz", "GET", ANYONE, 503),
    # As nobody on this machine only, and with a token of somebody who may look; see test_metrics.
    Row("metrics", "GET", frozenset({"anonymous", *Role})),
]

PAGES = [
    Row("", "GET", VIEWERS),
    Row("problems/<int:pk>/", "GET", VIEWERS, address=lambda w, _: f"problems/{w.problem.pk}/"),
    Row("problems/<int:pk>/accept", "GET", VIEWERS, address=lambda w, _: f"problems/{w.problem.pk}/accept"),
    Row(
        "problems/<int:pk>/accept",
        "POST",
        OPERATORS,
        303,
        lambda w, _: f"problems/{w.problem.pk}/accept",
        lambda w: meant(w, count=1),
    ),
    *[
        Row(
            f"problems/<int:pk>/{button}",
            "POST",
            OPERATORS,
            303,
            lambda w, _, button=button: f"problems/{w.problem.pk}/{button}",
            {"for": "1"},
        )
        for button in ("acknowledge", "snooze", "assign", "resume")
    ],
    Row("alerts/act/<str:token>", "GET", ANYONE, address=lambda w, _: f"alerts/act/{link(w)}"),
    Row("alerts/act/<str:token>", "POST", ANYONE, address=lambda w, _: f"alerts/act/{link(w)}"),
    Row("alerts/", "GET", VIEWERS),
    Row("alerts/routes/new", "GET", VIEWERS),
    Row("alerts/routes/new", "POST", ADMINS, 303, body={"name": "more", "channels-0": ["ops"]}),
    Row("alerts/routes/<name:name>/", "GET", VIEWERS, address="alerts/routes/orders/"),
    Row(
        "alerts/routes/<name:name>/",
        "POST",
        ADMINS,
        303,
        "alerts/routes/orders/",
        {"name": "orders", "channels-0": ["ops"]},
    ),
    Row("alerts/routes/<name:name>/move", "POST", ADMINS, 303, "alerts/routes/orders/move"),
    Row("alerts/routes/<name:name>/remove", "POST", ADMINS, 303, "alerts/routes/orders/remove"),
    Row("alerts/try", "GET", VIEWERS, address="alerts/try?saga_type=order&code=step_in_doubt"),
    Row("alerts/channels/new", "GET", VIEWERS, address="alerts/channels/new?kind=email"),
    Row(
        "alerts/channels/new",
        "POST",
        ADMINS,
        303,
        "alerts/channels/new?kind=email",
        {"name": "more", "to": "a@shop.example", "per_minute": "60"},
    ),
    Row("alerts/channels/<name:name>/", "GET", VIEWERS, address="alerts/channels/ops/"),
    Row(
        "alerts/channels/<name:name>/",
        "POST",
        ADMINS,
        303,
        "alerts/channels/ops/",
        {"owner": "on", "is_enabled": "on"},
    ),
    Row("alerts/channels/<name:name>/remove", "POST", ADMINS, 303, "alerts/channels/ops/remove"),
    Row("alerts/channels/<name:name>/test", "POST", ADMINS, 303, "alerts/channels/ops/test"),
    Row("alerts/silences/", "GET", VIEWERS),
    Row(
        "alerts/silences/",
        "POST",
        OPERATORS,
        303,
        body={"participants": "shipping", "hours": "1", "reason": "OPS-1"},
    ),
    Row(
        "alerts/silences/<int:pk>/end",
        "POST",
        OPERATORS,
        303,
        lambda w, _: f"alerts/silences/{w.silence.pk}/end",
    ),
    Row(f"{FINDING}/accept", "GET", VIEWERS, address=lambda w, _: page_of(w.finding, "accept")),
    Row(
        f"{FINDING}/accept",
        "POST",
        OPERATORS,
        303,
        lambda w, _: page_of(w.finding, "accept"),
        lambda w: seen(w.finding),
    ),
    Row(f"{FINDING}/withdraw", "GET", VIEWERS, address=lambda w, _: page_of(w.accepted, "withdraw")),
    Row(f"{FINDING}/withdraw", "POST", OPERATORS, 303, lambda w, _: page_of(w.accepted, "withdraw")),
    Row("sagas/", "GET", VIEWERS),
    Row("sagas/<name:saga_type>/<saga_id:saga_id>/", "GET", VIEWERS, address="sagas/order/o%2F1/"),
    Row(REPAIR, "GET", VIEWERS, address="sagas/order/o-2/repair?intent=compensate"),
    Row(REPAIR, "POST", OPERATORS, 303, "sagas/order/o-2/repair", started),
    Row(
        "sagas/<name:saga_type>/<saga_id:saga_id>/case-file",
        "POST",
        VIEWERS,
        address="sagas/order/o%2F1/case-file",
    ),
    Row(
        "repairs/<int:pk>/case-file",
        "POST",
        VIEWERS,
        address=lambda w, _: f"repairs/{w.repair.pk}/case-file",
    ),
    Row(
        "batches/<int:pk>/case-file",
        "POST",
        VIEWERS,
        address=lambda w, _: f"batches/{batch_for('ask').pk}/case-file",
    ),
    Row("views/", "GET", VIEWERS),
    Row("views/", "POST", VIEWERS, 303, body={"name": "late", "type": "order"}),
    Row(
        "views/<int:pk>/change",
        "POST",
        VIEWERS,
        303,
        lambda _, who: f"views/{own_view(who)}/change",
        {"name": "later"},
    ),
    Row("views/<int:pk>/remove", "POST", VIEWERS, 303, lambda _, who: f"views/{own_view(who)}/remove"),
    Row("batches/", "GET", VIEWERS),
    Row("batches/new", "GET", VIEWERS),
    Row(
        "batches/new",
        "POST",
        OPERATORS,
        303,
        body={"type": "order", "intent": "ask", "reason": "OPS-1", **CARE},
    ),
    Row("batches/<int:pk>/", "GET", VIEWERS, address=lambda w, _: f"batches/{batch_for('ask').pk}/"),
    Row("batches/<int:pk>/sagas/<int:position>/", "GET", VIEWERS, address=looked_at),
    *[
        Row(method="POST", allowed=OPERATORS, status=303, **pressed(button))
        for button in ("ask", "start", "pause", "resume", "cancel")
    ],
    *[Row(method="POST", allowed=AGREEING, status=303, **pressed(button)) for button in ("agree", "deny")],
    Row(method="POST", allowed=ADMINS, status=303, **pressed("break-glass")),
    Row(
        f"{REPAIR}/show",
        "POST",
        UNMASKERS,
        address="sagas/order/o-2/repair/show",
        body={"intent": "compensate"},
    ),
    Row(
        "sagas/<name:saga_type>/<saga_id:saga_id>/events/show",
        "POST",
        UNMASKERS,
        address="sagas/order/o%2F1/events/show",
        body={"source": "//shop/order", "id": "o/1 saga.started "},
    ),
    Row("repairs/", "GET", VIEWERS),
    Row("repairs/<int:pk>/", "GET", VIEWERS, address=lambda w, _: f"repairs/{w.repair.pk}/"),
    Row(
        "repairs/<int:pk>/cancel",
        "POST",
        OPERATORS,
        303,
        lambda w, _: f"repairs/{w.repair.pk}/cancel",
        {"reason": "OPS-1"},
    ),
    Row("repairs/<int:pk>/show", "POST", UNMASKERS, address=lambda w, _: f"repairs/{w.repair.pk}/show"),
    Row("participants/", "GET", VIEWERS),
    Row("participants/", "POST", ADMINS, 302, body={"name": "payment"}),
    Row("participants/<name:name>/", "GET", VIEWERS, address="participants/shipping/"),
    Row(
        "participants/<name:name>/settings",
        "POST",
        ADMINS,
        302,
        "participants/shipping/settings",
        {"owner": "o"},
    ),
    Row(
        "participants/<name:name>/plain-json",
        "POST",
        ADMINS,
        302,
        "participants/shipping/plain-json",
        {"type": "data.type", "source": "//shop"},
    ),
    Row(
        "participants/<name:name>/silence",
        "POST",
        ADMINS,
        302,
        "participants/shipping/silence",
        {"judged": "never"},
    ),
    Row(
        "participants/<name:name>/pace",
        "POST",
        ADMINS,
        302,
        "participants/shipping/pace",
        {"at_once": "4", "per_second": "2.5"},
    ),
    Row("participants/<name:name>/keys", "POST", ADMINS, address="participants/shipping/keys"),
    Row(
        "participants/<name:name>/keys/<int:pk>/revoke",
        "POST",
        ADMINS,
        302,
        lambda w, _: f"participants/shipping/keys/{w.key.pk}/revoke",
    ),
    Row("participants/<name:name>/secret", "POST", ADMINS, address="participants/shipping/secret"),
    Row("definitions/", "GET", VIEWERS),
    Row("definitions/seen/", "GET", VIEWERS, address="definitions/seen/?type=order"),
    Row("definitions/seen.yaml", "GET", VIEWERS, address="definitions/seen.yaml?type=order"),
    Row("definitions/<name:saga_type>/<name:version>/", "GET", VIEWERS, address="definitions/order/1/"),
    Row("trials/", "GET", VIEWERS),
    Row("trials/", "POST", ADMINS, 303, body={"text": NEW_DEFINITION}),
    Row("trials/samples", "POST", ADMINS, body={"text": NEW_DEFINITION, "sample": "{}"}),
    Row("trials/<int:pk>/", "GET", VIEWERS, address=lambda w, _: f"trials/{w.trial.pk}/"),
    Row("trials/<int:pk>/cancel", "POST", ADMINS, 303, lambda w, _: f"trials/{w.asked.pk}/cancel"),
    Row(
        "trials/<int:pk>/activate",
        "POST",
        ADMINS,
        303,
        lambda w, _: f"trials/{w.trial.pk}/activate",
        lambda w: {"digest": w.trial.digest, "sure": "on"},
    ),
    Row("quarantine/", "GET", VIEWERS),
    Row("quarantine/replay", "POST", OPERATORS, 302, body=lambda w: {"ids": [w.quarantined.pk]}),
    Row("quarantine/<int:pk>/", "GET", VIEWERS, address=lambda w, _: f"quarantine/{w.quarantined.pk}/"),
    Row(
        "quarantine/<int:pk>/show",
        "POST",
        UNMASKERS,
        address=lambda w, _: f"quarantine/{w.quarantined.pk}/show",
    ),
    Row(
        "quarantine/types/<int:pk>/replay",
        "POST",
        OPERATORS,
        303,
        lambda w, _: f"quarantine/types/{w.foreign_type.pk}/replay",
    ),
    Row(
        "quarantine/replays/<int:pk>/",
        "GET",
        VIEWERS,
        address=lambda w, _: f"quarantine/replays/{w.replay.pk}/",
    ),
    Row("audit/", "GET", VIEWERS),
    Row("system/", "GET", VIEWERS),
    Row("account/hearing/", "GET", VIEWERS),
    Row("account/hearing/", "POST", VIEWERS, 302, body=PREFERRED),
    Row("account/hearing/types", "POST", VIEWERS, 302, body={"saga_type": "order"}),
    Row("account/hearing/<int:pk>/remove", "POST", VIEWERS, 302, own_watch_page),
    Row("problems/<int:pk>/watch", "POST", VIEWERS, 302, lambda w, _: f"problems/{w.problem.pk}/watch"),
    Row(
        "sagas/<name:saga_type>/<saga_id:saga_id>/watch",
        "POST",
        VIEWERS,
        302,
        "sagas/order/o%2F1/watch",
    ),
    Row("audit/verify", "POST", VIEWERS),
    Row("audit/exports", "POST", VIEWERS, 303, body={"format": "jsonl"}),
    Row(
        "audit/exports/<int:pk>/cancel",
        "POST",
        VIEWERS,
        303,
        lambda w, _: f"audit/exports/{w.exporting.pk}/cancel",
    ),
    Row(
        "audit/exports/<int:pk>/file",
        "GET",
        VIEWERS,
        address=lambda w, _: f"audit/exports/{w.export.pk}/file",
    ),
    Row("account/tokens/", "GET", VIEWERS),
    Row("account/tokens/", "POST", VIEWERS),
    Row(
        "account/tokens/<int:pk>/revoke",
        "POST",
        VIEWERS,
        302,
        lambda w, who: f"account/tokens/{own_token(w, who)}/revoke",
    ),
    Row("account/notifications/", "GET", VIEWERS),
    Row("account/notifications/news", "GET", VIEWERS),
    Row("accounts/login/", "GET", frozenset({"anonymous"})),
    Row("accounts/logout/", "GET", SIGNED_IN),
    Row("accounts/password/change/", "GET", SIGNED_IN),
    # Nobody may: they say so.
    Row("accounts/inactive/", "GET", ANYONE, 403),
    Row("accounts/password/set/", "GET", ANYONE, 403),
    Row("live", "GET", VIEWERS),
]

# Of allauth, which answers each method that HTTP has; its own tests are its makers'.
OTHERS_OWN = {row.route for row in PAGES if row.route.startswith("accounts/")}

# Answers that do not end.
STREAMS = {"live"}
