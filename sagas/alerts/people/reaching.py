"""People who can be told what they asked for."""

from django.contrib.auth.models import User
from django.db.models import Q, QuerySet

from sagas.models import Preferences
from sagas.vocabulary import Role


def reachable() -> QuerySet[Preferences]:
    """Those who have named an address and may look at sagas: whoever lost their roles hears nothing more."""
    in_a_role = Q(groups__name__in=list(Role)) | Q(is_superuser=True)
    people = User.objects.filter(in_a_role, is_active=True)
    return Preferences.objects.filter(user__in=people.values("pk")).exclude(mail="")
