"""The addresses of the pages. Names in them may hold any character (console.paths)."""

from allauth.account import views as allauth
from django.urls import path

from console import live, paths  # noqa: F401  (paths registers the converters `name` and `saga_id`)
from console.web import (
    accepting,
    account,
    attention,
    audit,
    audit_exports,
    batch_form,
    batch_saga,
    batches,
    case_files,
    definition_seen,
    definitions,
    foreign_types,
    participants,
    problem,
    quarantine,
    repair,
    repair_list,
    repair_plan,
    saga,
    sagas,
    showing,
    system,
    trial_form,
    trials,
)

FINDING = "sagas/<name:saga_type>/<saga_id:saga_id>/findings/<int:pk>"

urlpatterns = [
    path("", attention.show, name="attention"),
    path("problems/<int:pk>/", problem.show, name="problem"),
    path("problems/<int:pk>/accept", accepting.problem, name="problem_accept"),
    path("system/", system.show, name="system"),
    path("sagas/", sagas.show, name="sagas"),
    path("sagas/<name:saga_type>/<saga_id:saga_id>/repair", repair_plan.show, name="repair_plan"),
    path("sagas/<name:saga_type>/<saga_id:saga_id>/repair/show", showing.plan, name="repair_plan_show"),
    path("sagas/<name:saga_type>/<saga_id:saga_id>/events/show", showing.event, name="event_show"),
    path("sagas/<name:saga_type>/<saga_id:saga_id>/case-file", case_files.saga, name="saga_case_file"),
    path(f"{FINDING}/accept", accepting.finding, name="finding_accept"),
    path(f"{FINDING}/withdraw", accepting.withdraw, name="finding_withdraw"),
    path("sagas/<name:saga_type>/<saga_id:saga_id>/", saga.show, name="saga"),
    path("repairs/", repair_list.show, name="repairs"),
    path("repairs/<int:pk>/", repair.show, name="repair"),
    path("repairs/<int:pk>/cancel", repair.cancel, name="repair_cancel"),
    path("repairs/<int:pk>/show", showing.actions, name="repair_show"),
    path("repairs/<int:pk>/case-file", case_files.repair, name="repair_case_file"),
    path("batches/", batches.show, name="batches"),
    path("batches/new", batch_form.show, name="batch_new"),
    path("batches/<int:pk>/", batches.batch, name="batch"),
    path("batches/<int:pk>/sagas/<int:position>/", batch_saga.show, name="batch_saga"),
    path("batches/<int:pk>/case-file", case_files.batch, name="batch_case_file"),
    *[
        path(f"batches/<int:pk>/{button}", batches.press, {"button": button}, name=f"batch_{button}")
        for button in batches.BUTTONS
    ],
    path("participants/", participants.show, name="participants"),
    path("participants/<name:name>/", participants.participant, name="participant"),
    path("participants/<name:name>/settings", participants.change, name="participant_change"),
    path(
        "participants/<name:name>/plain-json", participants.choose_plain_json, name="participant_plain_json"
    ),
    path("participants/<name:name>/silence", participants.declare, name="participant_silence"),
    path("participants/<name:name>/pace", participants.choose_pace, name="participant_pace"),
    path("participants/<name:name>/keys", participants.issue_key, name="participant_key"),
    path("participants/<name:name>/keys/<int:pk>/revoke", participants.revoke_key, name="participant_revoke"),
    path("participants/<name:name>/secret", participants.rotate_secret, name="participant_secret"),
    path("definitions/", definitions.show, name="definitions"),
    path("definitions/seen/", definition_seen.show, name="definition_seen"),
    path("definitions/seen.yaml", definition_seen.download, name="definition_seen_yaml"),
    path("definitions/<name:saga_type>/<name:version>/", definitions.definition, name="definition"),
    # Not below definitions/, where any two names are a definition's.
    path("trials/", trial_form.show, name="trials"),
    path("trials/samples", trial_form.samples, name="trial_samples"),
    path("trials/<int:pk>/", trials.trial, name="trial"),
    path("trials/<int:pk>/cancel", trials.cancel, name="trial_cancel"),
    path("trials/<int:pk>/activate", trials.activate, name="trial_activate"),
    path("quarantine/", quarantine.show, name="quarantine"),
    path("quarantine/replay", quarantine.replay, name="quarantine_replay"),
    path("quarantine/<int:pk>/", quarantine.quarantined, name="quarantined"),
    path("quarantine/<int:pk>/show", showing.body, name="quarantined_show"),
    path("quarantine/types/<int:pk>/replay", foreign_types.replay, name="foreign_type_replay"),
    path("quarantine/replays/<int:pk>/", foreign_types.show_replay, name="replay"),
    path("audit/", audit.show, name="audit"),
    path("audit/verify", audit.verify, name="audit_verify"),
    path("audit/exports", audit_exports.ask, name="audit_export"),
    path("audit/exports/<int:pk>/cancel", audit_exports.cancel, name="audit_export_cancel"),
    path("audit/exports/<int:pk>/file", audit_exports.download, name="audit_export_file"),
    path("account/tokens/", account.tokens, name="tokens"),
    path("account/tokens/<int:pk>/revoke", account.revoke_token, name="token_revoke"),
    # Of allauth's pages only these: accounts are made by an admin, and nobody signs up or in by mail.
    path("accounts/login/", allauth.login, name="account_login"),
    path("accounts/logout/", allauth.logout, name="account_logout"),
    path("accounts/password/change/", allauth.password_change, name="account_change_password"),
    path("accounts/inactive/", account.inactive, name="account_inactive"),
    path("accounts/password/set/", account.no_password, name="account_set_password"),
    path("live", live.stream, name="live"),
]
