from sagas.models.alert import Alert, Delivery, DeliveryAttempt
from sagas.models.audit import AuditAnchor, AuditEntry, AuditHead
from sagas.models.definition import Definition
from sagas.models.finding import Finding, Problem, ProblemStake, Transition
from sagas.models.heartbeat import Heartbeat
from sagas.models.participant import Participant, ParticipantKey
from sagas.models.quarantine import ForeignType, Quarantined, Replay
from sagas.models.saga import Event, Nudge, Saga, SagaKey
from sagas.models.silence import Hearing, Listening, Rhythm, Silence
from sagas.models.statistics import StepDay, StepNorm, Unlearned
from sagas.models.trial import Trial

__all__ = [
    "Alert",
    "AuditAnchor",
    "AuditEntry",
    "AuditHead",
    "Definition",
    "Delivery",
    "DeliveryAttempt",
    "Event",
    "Finding",
    "ForeignType",
    "Hearing",
    "Heartbeat",
    "Listening",
    "Nudge",
    "Participant",
    "ParticipantKey",
    "Problem",
    "ProblemStake",
    "Quarantined",
    "Replay",
    "Rhythm",
    "Saga",
    "SagaKey",
    "Silence",
    "StepDay",
    "StepNorm",
    "Transition",
    "Trial",
    "Unlearned",
]
