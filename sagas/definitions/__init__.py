"""A saga type's steps, deadlines and compensations: YAML in, errors with line and column out."""

from sagas.definitions.approval import ApprovalRule, Policy
from sagas.definitions.business import Conflict, Rule
from sagas.definitions.fields import Seconds
from sagas.definitions.loading import Loaded, Version, by_key, load, of
from sagas.definitions.parsing import parse, parse_policy
from sagas.definitions.reading import Complaint, DefinitionError
from sagas.definitions.schema import Call, Compensation, Definition, Order, Retries, StepDefinition

__all__ = [
    "ApprovalRule",
    "Call",
    "Compensation",
    "Complaint",
    "Conflict",
    "Definition",
    "DefinitionError",
    "Loaded",
    "Order",
    "Policy",
    "Retries",
    "Rule",
    "Seconds",
    "StepDefinition",
    "Version",
    "by_key",
    "load",
    "of",
    "parse",
    "parse_policy",
]
