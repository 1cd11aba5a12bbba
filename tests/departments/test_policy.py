"""Roles are groups with Django's own permissions, each with all that the one before it may do."""

from itertools import pairwise

import pytest
from django.contrib.auth.models import AnonymousUser, Group, Permission, User
from django.core.management import call_command

from departments import policy
from departments.errors import NotPermitted

EVERYTHING = {policy.VIEW, policy.CREATE, policy.EDIT, policy.DELETE, policy.ADMINISTER}


@pytest.fixture
def somebody(db):
    def of_role(role):
        user = User(username=role)
        user.save()
        user.groups.add(Group.objects.get(name=role))
        return user

    return of_role


@pytest.mark.parametrize("role", policy.ROLES)
def test_a_role_may_what_it_lists_and_nothing_else(somebody, role):
    user = somebody(role)

    assert {one for one in EVERYTHING if policy.may(user, one)} == set(policy.ROLES[role])


def test_each_role_holds_all_of_the_one_before():
    held = [set(permissions) for permissions in policy.ROLES.values()]

    assert all(less < more for less, more in pairwise(held))


def test_a_superuser_may_everything(db):
    boss = User.objects.create_superuser("boss")

    assert all(policy.may(boss, one) for one in EVERYTHING)


@pytest.mark.django_db
def test_nobody_may_nothing():
    assert not any(policy.may(AnonymousUser(), one) for one in EVERYTHING)


def test_somebody_without_a_role_may_nothing(db):
    nobody = User.objects.create_user("nobody")

    with pytest.raises(NotPermitted) as no:
        policy.require(nobody, policy.VIEW)

    assert no.value.permission == policy.VIEW


def test_who_has_left_may_nothing(somebody):
    user = somebody("administrator")
    user.is_active = False
    user.save()

    assert not policy.may(User.objects.get(pk=user.pk), policy.VIEW)


@pytest.mark.parametrize(
    ("permission", "role"),
    [
        (policy.VIEW, "viewer"),
        (policy.CREATE, "editor"),
        (policy.EDIT, "editor"),
        (policy.DELETE, "deleter"),
        (policy.ADMINISTER, "administrator"),
    ],
)
def test_the_lowest_role_that_may_is_the_one_to_ask_for(permission, role):
    assert policy.lowest_role_with(permission) == role


def test_migrating_gives_every_group_exactly_its_permissions(db):
    """Whatever an older version, or somebody in the admin, gave it."""
    viewers = Group.objects.get(name="viewer")
    viewers.permissions.add(Permission.objects.get(codename="delete_department"))
    Group.objects.get(name="editor").delete()

    call_command("migrate", verbosity=0)

    assert [one.codename for one in viewers.permissions.all()] == ["view_department"]
    assert Group.objects.get(name="editor").permissions.count() == 3
