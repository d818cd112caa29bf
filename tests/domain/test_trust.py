import pytest

from pipeline_guard.domain.trust import RuleTrust


@pytest.mark.parametrize(
    ("outcomes", "demoted"),
    [
        ("", False),
        ("0" * 9, False),
        ("0" * 10, True),
        ("1" * 10, False),
        ("0" * 5 + "1" * 5, False),
        ("0" * 6 + "1" * 4, True),
        ("111" + "0" * 20, False),
        ("110" + "0" * 20, True),
        ("0111" + "0" * 20, True),
    ],
)
def test_a_rule_is_demoted_by_its_newest_outcomes(outcomes, demoted):
    trust = RuleTrust("r", "1", tuple(sign == "1" for sign in outcomes))
    assert trust.demoted(0.5, 10) is demoted
