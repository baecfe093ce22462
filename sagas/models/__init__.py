from sagas.models.alert import Alert, Delivery, DeliveryAttempt, Thread
from sagas.models.audit import AuditAnchor, AuditEntry, AuditHead
from sagas.models.channel import AlertSilence, Channel, Route
from sagas.models.definition import Adoption, Definition
from sagas.models.finding import Finding, Problem, ProblemStake, Transition
from sagas.models.heartbeat import Heartbeat
from sagas.models.incident import Escalation, Incident, Membership
from sagas.models.participant import Participant, ParticipantKey
from sagas.models.person import Preferences, Watch
from sagas.models.quarantine import ForeignType, Quarantined, Refusal, Replay
from sagas.models.saga import Due, Event, Nudge, Saga, SagaKey
from sagas.models.silence import Hearing, Listening, Rhythm, Silence
from sagas.models.statistics import StepDay, StepNorm, Unlearned
from sagas.models.trial import Trial

__all__ = [
    "Adoption",
    "Alert",
    "AlertSilence",
    "AuditAnchor",
    "AuditEntry",
    "AuditHead",
    "Channel",
    "Definition",
    "Delivery",
    "DeliveryAttempt",
    "Due",
    "Escalation",
    "Event",
    "Finding",
    "ForeignType",
    "Hearing",
    "Heartbeat",
    "Incident",
    "Listening",
    "Membership",
    "Nudge",
    "Participant",
    "ParticipantKey",
    "Preferences",
    "Problem",
    "ProblemStake",
    "Quarantined",
    "Refusal",
    "Replay",
    "Rhythm",
    "Route",
    "Saga",
    "SagaKey",
    "Silence",
    "StepDay",
    "StepNorm",
    "Thread",
    "Transition",
    "Trial",
    "Unlearned",
    "Watch",
]
