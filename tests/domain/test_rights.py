from pipeline_guard.domain.rights import FRESH_REFUSAL_SECONDS, FRESH_SECONDS, Remembered


async def test_answers_hold_for_a_while_and_refusals_for_less():
    asked, now = [], [0.0]
    answers = iter([None, "write access", None])

    async def ask(repository: str) -> str | None:
        asked.append(repository)
        return next(answers)

    known = Remembered(ask, clock=lambda: now[0])
    assert [await known.of("acme/shop"), await known.of("acme/shop")] == [None, None]
    now[0] += FRESH_SECONDS
    assert [await known.of("acme/shop"), await known.of("acme/shop")] == ["write access"] * 2
    now[0] += FRESH_REFUSAL_SECONDS
    assert await known.of("acme/shop") is None
    assert len(asked) == 3
