"""The tree of a peer: django-treebeard's materialised paths."""

from django.db import models
from treebeard.mp_tree import MP_Node


class Node(MP_Node):
    name = models.CharField(max_length=100)

    def __str__(self) -> str:
        return self.name
