"""The words of a service area's file: what part an indicator has, which way is better, how sure."""

from typing import Literal

Role = Literal[
    "cost", "unadjusted_cost", "quality", "guardrail", "context", "control", "flag",
    "margin", "answers", "part",
]  # fmt: skip
Direction = Literal["higher", "lower"]
Grade = Literal["A", "B", "C", "D"]

SCORED_ROLES = ("cost", "quality")
NOISE_ROLES = ("margin", "answers")  # of a scored indicator, which names it in a field so called
DIRECTED_ROLES = ("cost", "unadjusted_cost", "quality", "guardrail", "control")
