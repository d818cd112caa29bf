"""A case: one failure to decide on."""

from dataclasses import dataclass

from pipeline_guard.policy.schema import Policy
from pipeline_guard.stages.decide.facts import Facts


@dataclass(frozen=True, slots=True)
class Case:
    """One failure to decide on, with the policy in force for it."""

    facts: Facts
    policy: Policy

    @property
    def is_last(self) -> bool:
        """Is a re-run of it now the last one that the policy allows?"""
        return self.facts.tried_again + 1 >= self.policy.max_reruns
