from pipeline_guard.domain.backoff import LONGEST, wait_seconds


def test_the_first_re_run_does_not_wait_and_the_others_wait_longer_each_time():
    assert wait_seconds(60, 0, "a") == 0
    waits = [wait_seconds(60, tried, "a") for tried in (1, 2, 3)]
    assert 30 <= waits[0] <= 90
    assert waits == [waits[0], 2 * waits[0], 4 * waits[0]]
    assert wait_seconds(60, 99, "a") <= 1.5 * LONGEST
    assert wait_seconds(0, 5, "a") == 0


def test_what_failed_together_does_not_come_back_together():
    waits = [wait_seconds(60, 1, f"run {number}") for number in range(100)]
    assert len(set(waits)) == 100
    assert min(waits) < 40
    assert max(waits) > 80
