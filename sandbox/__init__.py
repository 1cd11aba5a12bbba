"""A DingTalk stand-in that keeps real state, speaks the real envelopes and refuses what DingTalk refuses."""

from sandbox.app import Sandbox
from sandbox.cuts import Cut
from sandbox.faults import FAULTS, Case, Fault, Rule, cases
from sandbox.journal import Actor, Change
from sandbox.org import Organisation
from sandbox.records import ROOT, Chat, Department, Member
from sandbox.refusals import Refused
from sandbox.seed import company
from sandbox.server import serving
from sandbox.switches import Switches

__all__ = [
    "FAULTS",
    "ROOT",
    "Actor",
    "Case",
    "Change",
    "Chat",
    "Cut",
    "Department",
    "Fault",
    "Member",
    "Organisation",
    "Refused",
    "Rule",
    "Sandbox",
    "Switches",
    "cases",
    "company",
    "serving",
]
