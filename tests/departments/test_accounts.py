"""Whose request it is: one query brings account, roles and preferences, and says what Django does."""

import pytest
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import Group, Permission, User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from departments import policy
from departments.accounts import Accounts
from departments.models import Preferences

pytestmark = pytest.mark.django_db


def member_of(*roles):
    person = User.objects.create_user("somebody")
    person.groups.set(Group.objects.filter(name__in=roles))
    return person


@pytest.mark.parametrize("role", policy.ROLES)
def test_each_role_grants_what_django_says_it_grants(role):
    person = member_of(role)

    found = Accounts().get_user(person.pk)

    assert found.get_all_permissions() == ModelBackend().get_all_permissions(person)
    assert found.get_all_permissions() == set(policy.ROLES[role])


def test_roles_and_permissions_of_ones_own_add_up():
    person = member_of("viewer")
    person.user_permissions.add(Permission.objects.get(codename="delete_department"))

    found = Accounts().get_user(person.pk)

    assert found.get_all_permissions() == {policy.VIEW, policy.DELETE}


def test_an_account_without_a_role_may_nothing():
    assert Accounts().get_user(member_of().pk).get_all_permissions() == set()


def test_a_superuser_may_everything():
    person = User.objects.create_superuser("root")

    assert policy.may(Accounts().get_user(person.pk), policy.ADMINISTER)


def test_who_is_shut_out_is_nobody():
    person = member_of("administrator")
    User.objects.update(is_active=False)

    assert Accounts().get_user(person.pk) is None
    assert Accounts().get_user(4711) is None


def test_a_permission_for_one_object_is_never_granted():
    found = Accounts().get_user(member_of("administrator").pk)

    assert not found.has_perm(policy.EDIT, Group(name="anything"))


def test_an_account_that_was_not_found_here_is_asked_in_djangos_own_way():
    assert policy.may(member_of("editor"), policy.EDIT)


def test_one_query_brings_all_of_it():
    person = member_of("editor")
    Preferences.objects.create(user=person, theme=Preferences.Theme.DARK)

    with CaptureQueriesContext(connection) as queries:
        found = Accounts().get_user(person.pk)
        assert policy.may(found, policy.EDIT)
        assert not policy.may(found, policy.DELETE)
        assert found.preferences.theme == "dark"

    assert len(queries) == 1
