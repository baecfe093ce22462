"""index.html of a case file: one page for people without scripts, links or anything from elsewhere. Pure."""

from django.conf import settings
from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe

from compensation import plan as plans
from compensation.models import Repair, RepairAction
from compensation.plan import Action
from console.casefiles.case import Case
from sagas.audit import Actor

# Written out on the page; all are in the JSON beside it.
MOST_EVENTS = 500
MOST_SAGAS = 500
# Letters of a payload, an answer, or what an audit entry changed.
LONGEST = 4000

# Of the pages: colours, light and dark, and how a timeline is drawn. And its own, for screen and paper.
STYLES = ("tokens.css", "saga.css", "casefile.css")
FOLDER = settings.BASE_DIR / "console" / "static" / "console"
TONES = ("ok", "info", "warn", "doubt", "bad", "odd", "undo", "quiet")


def write(case: Case, by: Actor, version: str) -> str:
    return render_to_string(
        "casefile/page.html",
        {
            "case": case,
            "by": by,
            "version": version,
            "style": _style(),
            "tones": TONES,
            "longest": LONGEST,
            "shown_events": case.one.events[:MOST_EVENTS] if case.one else [],
            "shown_sagas": case.many.sagas[:MOST_SAGAS] if case.many else [],
            "repairs": [(repair, plans.read(repair.plan), _actions(repair)) for repair in case.repairs],
        },
    )


def _actions(repair: Repair) -> list[tuple[RepairAction, Action]]:
    """Each with what was planned."""
    return list(zip(repair.actions.all(), plans.read(repair.plan).actions, strict=False))


def _style() -> SafeString:
    """The element, as the page has no other file to ask for. On paper it is light, whatever the screen is."""
    text = "\n".join((FOLDER / name).read_text() for name in STYLES)
    text = text.replace("@media (prefers", "@media screen and (prefers")
    return mark_safe(f"<style>\n{text}</style>")  # noqa: S308  (our own)
