"""The addresses of the API. Names in them may hold any character (console.paths)."""

from django.urls import path
from django.views.decorators.cache import never_cache

from console import paths  # noqa: F401  (registers the converters `name` and `saga_id`)
from console.api import (
    acceptance,
    audit,
    audit_exports,
    batch_acts,
    batch_changes,
    batches,
    case_files,
    definitions,
    events,
    foreign_types,
    handling,
    hearing,
    paces,
    participants,
    plans,
    problems,
    quarantine,
    repairs,
    saga_events,
    sagas,
    schema,
    silences,
    tokens,
    trials,
)

SAGA = "sagas/<name:saga_type>/<saga_id:saga_id>"
FINDING = f"{SAGA}/findings/<int:pk>"
PARTICIPANT = "participants/<name:name>"

app_name = "api"
urlpatterns = [
    path("events", events.receive, name="events"),
    path("sagas", sagas.Sagas.as_view(), name="sagas"),
    path(f"{SAGA}/events", saga_events.SagaEvents.as_view(), name="saga_events"),
    path(f"{SAGA}/repairs/preview", plans.PreviewRepair.as_view(), name="saga_repairs_preview"),
    path(f"{SAGA}/repairs", repairs.SagaRepairs.as_view(), name="saga_repairs"),
    path(f"{SAGA}/case-file", case_files.SagaCaseFile.as_view(), name="saga_case_file"),
    path(f"{FINDING}/accept", acceptance.AcceptFinding.as_view(), name="finding_accept"),
    path(f"{FINDING}/withdraw", acceptance.WithdrawAcceptance.as_view(), name="finding_withdraw"),
    path(SAGA, sagas.OneSaga.as_view(), name="saga"),
    path("problems", problems.Problems.as_view(), name="problems"),
    path("problems/<int:pk>", problems.OneProblem.as_view(), name="problem"),
    path("problems/<int:pk>/accept", acceptance.AcceptProblem.as_view(), name="problem_accept"),
    path("problems/<int:pk>/acknowledge", handling.Acknowledge.as_view(), name="problem_acknowledge"),
    path("problems/<int:pk>/snooze", handling.Snooze.as_view(), name="problem_snooze"),
    path("problems/<int:pk>/assign", handling.Assign.as_view(), name="problem_assign"),
    path("problems/<int:pk>/resume", handling.Resume.as_view(), name="problem_resume"),
    path("repairs", repairs.Repairs.as_view(), name="repairs"),
    path("repairs/<int:pk>", repairs.OneRepair.as_view(), name="repair"),
    path("repairs/<int:pk>/cancel", repairs.CancelRepair.as_view(), name="repair_cancel"),
    path("repairs/<int:pk>/case-file", case_files.RepairCaseFile.as_view(), name="repair_case_file"),
    path("watches", hearing.Watches.as_view(), name="watches"),
    path("watches/<int:pk>", hearing.OneWatch.as_view(), name="watch"),
    path("preferences", hearing.OwnPreferences.as_view(), name="preferences"),
    path("silences", silences.Silences.as_view(), name="silences"),
    path("silences/preview", silences.PreviewSilence.as_view(), name="silence_preview"),
    path("silences/<int:pk>/end", silences.EndSilence.as_view(), name="silence_end"),
    path("batches", batches.Batches.as_view(), name="batches"),
    path("batches/<int:pk>", batches.OneBatch.as_view(), name="batch"),
    path("batches/<int:pk>/sagas", batches.BatchSagas.as_view(), name="batch_sagas"),
    path(
        "batches/<int:pk>/sagas/<int:position>/changes",
        batch_changes.BatchSagaChanges.as_view(),
        name="batch_saga_changes",
    ),
    path("batches/<int:pk>/case-file", case_files.BatchCaseFile.as_view(), name="batch_case_file"),
    path("batches/<int:pk>/ask", batch_acts.Ask.as_view(), name="batch_ask"),
    path("batches/<int:pk>/agree", batch_acts.Agree.as_view(), name="batch_agree"),
    path("batches/<int:pk>/deny", batch_acts.Deny.as_view(), name="batch_deny"),
    path("batches/<int:pk>/break-glass", batch_acts.BreakGlass.as_view(), name="batch_break_glass"),
    path("batches/<int:pk>/start", batch_acts.Start.as_view(), name="batch_start"),
    path("batches/<int:pk>/pause", batch_acts.Pause.as_view(), name="batch_pause"),
    path("batches/<int:pk>/resume", batch_acts.Resume.as_view(), name="batch_resume"),
    path("batches/<int:pk>/cancel", batch_acts.Cancel.as_view(), name="batch_cancel"),
    path("participants", participants.Participants.as_view(), name="participants"),
    path(PARTICIPANT, participants.OneParticipant.as_view(), name="participant"),
    path(f"{PARTICIPANT}/keys", participants.Keys.as_view(), name="participant_keys"),
    path(f"{PARTICIPANT}/keys/<int:pk>", participants.OneKey.as_view(), name="participant_key"),
    path(f"{PARTICIPANT}/pace", paces.ParticipantPace.as_view(), name="participant_pace"),
    path(f"{PARTICIPANT}/signing-secret", participants.SigningSecret.as_view(), name="participant_secret"),
    path("definitions", definitions.Definitions.as_view(), name="definitions"),
    path("definitions/seen", definitions.SeenDefinition.as_view(), name="definition_seen"),
    # Before the next: a version that is a number, of a type called "trials", is found in the list alone.
    path("definitions/trials", trials.Trials.as_view(), name="trials"),
    path("definitions/trials/<int:pk>", trials.OneTrial.as_view(), name="trial"),
    path("definitions/trials/<int:pk>/cancel", trials.CancelTrial.as_view(), name="trial_cancel"),
    path("definitions/trials/<int:pk>/activate", trials.ActivateTrial.as_view(), name="trial_activate"),
    path(
        "definitions/<name:saga_type>/<name:version>", definitions.OneDefinition.as_view(), name="definition"
    ),
    path("quarantine", quarantine.Quarantine.as_view(), name="quarantine"),
    path("quarantine/replay", quarantine.Replay.as_view(), name="quarantine_replay"),
    path("quarantine/<int:pk>", quarantine.OneQuarantined.as_view(), name="quarantined"),
    path("quarantine/types", foreign_types.ForeignTypes.as_view(), name="foreign_types"),
    path("quarantine/types/<int:pk>/replay", foreign_types.ReplayType.as_view(), name="foreign_type_replay"),
    path("quarantine/replays/<int:pk>", foreign_types.OneReplay.as_view(), name="replay"),
    path("audit", audit.Audit.as_view(), name="audit"),
    path("audit/exports", audit_exports.Exports.as_view(), name="audit_exports"),
    path("audit/exports/<int:pk>", audit_exports.OneExport.as_view(), name="audit_export"),
    path("audit/exports/<int:pk>/cancel", audit_exports.CancelExport.as_view(), name="audit_export_cancel"),
    path("audit/exports/<int:pk>/file", audit_exports.ExportFile.as_view(), name="audit_export_file"),
    path("tokens", tokens.Tokens.as_view(), name="tokens"),
    path("tokens/<int:pk>", tokens.OneToken.as_view(), name="token"),
    path("schema", schema.Schema.as_view(), name="schema"),
    path("docs", schema.Docs.as_view(), name="docs"),
]
for pattern in urlpatterns:
    # What the API tells is for whoever asked, and of now: no browser or proxy is to keep it.
    pattern.callback = never_cache(pattern.callback)
