"""The addresses of the API. Names in them may hold any character (console.paths)."""

from django.urls import path

from console import paths  # noqa: F401  (registers the converters `name` and `saga_id`)
from console.api import audit, participants, problems, quarantine, repairs, sagas, tokens

SAGA = "sagas/<name:saga_type>/<saga_id:saga_id>"
PARTICIPANT = "participants/<name:name>"

app_name = "api"
urlpatterns = [
    path("sagas", sagas.Sagas.as_view(), name="sagas"),
    path(f"{SAGA}/events", sagas.SagaEvents.as_view(), name="saga_events"),
    path(SAGA, sagas.OneSaga.as_view(), name="saga"),
    path("problems", problems.Problems.as_view(), name="problems"),
    path("problems/<int:pk>", problems.OneProblem.as_view(), name="problem"),
    path("repairs", repairs.Repairs.as_view(), name="repairs"),
    path("repairs/<int:pk>", repairs.OneRepair.as_view(), name="repair"),
    path("participants", participants.Participants.as_view(), name="participants"),
    path(PARTICIPANT, participants.OneParticipant.as_view(), name="participant"),
    path(f"{PARTICIPANT}/keys", participants.Keys.as_view(), name="participant_keys"),
    path(f"{PARTICIPANT}/keys/<int:pk>", participants.OneKey.as_view(), name="participant_key"),
    path(f"{PARTICIPANT}/signing-secret", participants.SigningSecret.as_view(), name="participant_secret"),
    path("quarantine", quarantine.Quarantine.as_view(), name="quarantine"),
    path("quarantine/<int:pk>", quarantine.OneQuarantined.as_view(), name="quarantined"),
    path("audit", audit.Audit.as_view(), name="audit"),
    path("tokens", tokens.Tokens.as_view(), name="tokens"),
    path("tokens/<int:pk>", tokens.OneToken.as_view(), name="token"),
]
