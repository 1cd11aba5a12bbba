"""A DingTalk stand-in that keeps real state, speaks the real envelopes and refuses what DingTalk refuses."""

from sandbox.app import Sandbox
from sandbox.journal import Actor, Change
from sandbox.org import Organisation
from sandbox.records import ROOT, Chat, Department, Member
from sandbox.refusals import Refused
from sandbox.seed import company
from sandbox.server import serving
from sandbox.switches import Switches

__all__ = [
    "ROOT",
    "Actor",
    "Change",
    "Chat",
    "Department",
    "Member",
    "Organisation",
    "Refused",
    "Sandbox",
    "Switches",
    "company",
    "serving",
]
