"""Views of the list of sagas that people keep: each for themselves, or shared with everybody.

A view is words that the list understands, never an address. What it searches for may be a value that is
masked: such a view is its owner's alone, whatever they chose, for as long as anything is masked.
"""

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Q, QuerySet

from console.models import SavedView
from console.permissions import Act, may, refusal
from console.search import Asked, key_of
from console.seeing import Seeing
from sagas import audit
from sagas.audit import Actor
from sagas.vocabulary import Condition, Status

# Views that one person can keep.
MOST = 50
LONGEST_NAME = 80
MAY_BE_MASKED = "It cannot be shared: what it searches for may be a value that is masked."


class ViewError(ValueError):
    """A view cannot be kept so; the text says what to do, `field` where: name, query or is_shared."""

    def __init__(self, text: str, field: str) -> None:
        super().__init__(text)
        self.field = field


def seen_by(user: User, seeing: Seeing) -> QuerySet[SavedView]:
    """Their own, and what others share, by name."""
    shared = Q(is_shared=True)
    if seeing.hides_searches():
        shared &= ~Q(query__has_key="q")
    return SavedView.objects.filter(Q(owner=user) | shared).select_related("owner").order_by("name", "pk")


def is_withheld(view: SavedView, seeing: Seeing) -> bool:
    """Whether others do not find it, although it is shared."""
    return view.is_shared and bool(view.asked.q) and seeing.hides_searches()


def save(owner: User, name: str, asked: Asked, *, is_shared: bool, by: Actor) -> SavedView:
    """Keep a new one. Raises ViewError, and PermissionDenied where they may not share it."""
    with transaction.atomic():
        _lock(owner)
        if owner.saved_views.count() >= MOST:
            raise ViewError(f"You keep {MOST} views already. Remove one first.", "name")
        view = SavedView(owner=owner, query=_understood(asked).words)
        _put(view, name, is_shared)
        if is_shared:
            audit.record(by, "view.shared", _object(view), after=_told(view))
    return view


def change(owner: User, pk: int, name: str, *, is_shared: bool, by: Actor) -> SavedView:
    """Raises ViewError, PermissionDenied as `save` does, and SavedView.DoesNotExist for one of others."""
    with transaction.atomic():
        _lock(owner)
        view = owner.saved_views.get(pk=pk)
        was_shared, before = view.is_shared, _told(view)
        _put(view, name, is_shared)
        if is_shared and not was_shared:
            audit.record(by, "view.shared", _object(view), after=_told(view))
        elif is_shared and before != _told(view):
            audit.record(by, "view.changed", _object(view), before=before, after=_told(view))
        elif was_shared and not is_shared:
            audit.record(by, "view.removed", _object(view), before=before)
    return view


def remove(user: User, pk: int, by: Actor) -> SavedView:
    """For good. Raises SavedView.DoesNotExist for what they do not see, PermissionDenied for others'."""
    with transaction.atomic():
        view = seen_by(user, Seeing()).select_for_update(of=("self",)).get(pk=pk)
        if view.owner_id != user.pk and not may(user, Act.UNSHARE):
            raise PermissionDenied(refusal(Act.UNSHARE))
        if view.is_shared:
            audit.record(by, "view.removed", _object(view), before=_told(view))
        SavedView.objects.filter(pk=view.pk).delete()
    return view


def _lock(owner: User) -> None:
    """One change at a time, so that neither number nor names go past what is allowed."""
    User.objects.select_for_update(no_key=True).get(pk=owner.pk)


def _put(view: SavedView, name: str, is_shared: bool) -> None:
    view.name, view.is_shared = _named(name), is_shared
    if view.owner.saved_views.filter(name=view.name).exclude(pk=view.pk).exists():
        raise ViewError(f"You have a view “{view.name}” already. Give it another name.", "name")
    if is_shared and not may(view.owner, Act.SHARE):
        raise PermissionDenied(refusal(Act.SHARE))
    if is_withheld(view, Seeing()):
        raise ViewError(MAY_BE_MASKED, "is_shared")
    view.save()


def _named(text: str) -> str:
    name = " ".join(text.split())
    if not name:
        raise ViewError("Give it a name.", "name")
    if len(name) > LONGEST_NAME:
        raise ViewError(f"Its name is longer than {LONGEST_NAME} characters. Make it shorter.", "name")
    if not name.isprintable():
        raise ViewError("Its name holds a character that cannot be seen. Take it out.", "name")
    return name


def _understood(asked: Asked) -> Asked:
    """Only what finds something by design: a typing error is not kept."""
    if not asked.words:
        raise ViewError("Nothing is filtered. Choose something on the list of sagas first.", "query")
    known = {
        "status": asked.status in {"", *Status},
        "condition": asked.condition in {"", *Condition},
        "problem": not asked.problem or key_of(asked.problem) is not None,
        "left_by": not asked.left_by or key_of(asked.left_by) is not None,
    }
    for name, is_known in known.items():
        if not is_known:
            raise ViewError(f"The list of sagas knows no such {name}: take it out, then save again.", "query")
    return asked


def _object(view: SavedView) -> tuple[str, str]:
    return "view", str(view.pk)


def _told(view: SavedView) -> dict[str, object]:
    words = {name: [value] for name, value in view.asked.words.items()}
    return {"name": view.name, "owner": view.owner.get_username(), "query": Seeing().asked(words)}
