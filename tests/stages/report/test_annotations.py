"""Which remarks a check run carries: one for each place that a telling line names."""

from tests.stages.report.test_comment import failure

from pipeline_guard.stages.report.check import MAX_ANNOTATIONS, annotations_of


def red(number: int):
    """A failed job whose ten telling lines name ten places of one file."""
    made = failure(number)
    for line in made.diagnosis["evidence"]:
        line["text"] = f"src/m{number}.py:{line['line']}:1: E1 wrong"
    return made


def test_each_place_has_one_remark_however_many_jobs_name_it():
    found = annotations_of([red(1), red(1), red(2)])
    assert len({(item.path, item.line) for item in found}) == len(found) == 20


def test_more_than_a_platform_takes_in_one_call_are_kept_up_to_a_limit():
    assert len(annotations_of([red(number) for number in range(12)])) == 120
    assert len(annotations_of([red(number) for number in range(40)])) == MAX_ANNOTATIONS
