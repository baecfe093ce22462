"""Whatever is sent, the real application answers as its own description says: found by generated requests."""

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from compensation.models import Batch
from console import tokens
from console.api.events_schema import PATH
from console.api.schema import described
from console.asgi import application
from console.models import ApiToken
from console.permissions import Role
from sagas.audit import Actor
from tests.console import world
from tests.console.batches import batch_for, dropped_from
from tests.console.cast import person

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
# Requests for each operation: few enough for half a minute in all.
EXAMPLES = 6


@pytest.mark.django_db(transaction=True)
def test_every_operation_does_as_it_says() -> None:
    built = world.build()
    admin = person("ada", Role.ADMIN)
    operations = [
        result.ok()
        for result in schemathesis.openapi.from_asgi("/api/v1/schema", application).get_all_operations()
    ]
    spare = tokens.issue(admin.user, Actor.system()).token
    batch = batch_for("agree")
    dropped_from(batch, built.well)
    for operation in operations:
        secret = built.secret if operation.path == PATH else admin.token
        try_out(operation, secret, there(operation.path, built, spare, batch))
    assert len(operations) == sum(len(item) for item in described()["paths"].values())
    # The one who asked is still let in, and what was there still is.
    assert admin.program.get("/api/v1/sagas/order/o-2").status_code == 200


def there(path: str, built: world.World, token: ApiToken, batch: Batch) -> dict[str, Any]:
    """Names with which the path leads to something."""
    rows = {
        "problems": built.problem,
        "findings": built.accepted,
        "repairs": built.repair,
        "batches": batch,
        "quarantine": built.quarantined,
        "keys": built.key,
        "tokens": token,
        "trials": built.trial,
        "exports": built.export,
    }
    row = next((row for word, row in rows.items() if f"/{word}/" in path), built.key)
    return {
        "saga_type": "order",
        "saga_id": built.well.saga_id,
        "name": built.shipping.name,
        "version": "1",
        "position": 1,
        "id": row.pk,
    }


def try_out(operation: Any, secret: str, names: dict[str, Any]) -> None:
    @given(case=operation.as_strategy(), is_there=st.booleans())
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def check(case: Any, is_there: bool) -> None:
        if is_there:
            case.path_parameters = {name: names[name] for name in case.path_parameters or {}}
        answer = case.call(headers={"Authorization": f"Bearer {secret}"})
        case.validate_response(answer, checks=CHECKS)

    check()
