"""The product's settings, with an empty view and a peer beside it: all share one stack and one process."""

from orgadmin.settings import *  # noqa: F403
from orgadmin.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "treebeard", "benchmarks"]
ROOT_URLCONF = "benchmarks.urls"
