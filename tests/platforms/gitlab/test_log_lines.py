"""Where GitLab's page of a job shows a line of its log: it numbers what it shows."""

from pathlib import Path

import pytest

from pipeline_guard.platforms.gitlab.log_lines import page_lines

PLAIN = (
    "Running with gitlab-runner 18.7.0\n"  # 1
    "section_start:1760000000:build[collapsed=true]\r\x1b[0K\x1b[36mBuild\x1b[0m\n"  # 2
    "\n"
    "\x1b[0;m\n"
    "compiling\n"  # 3
    "10 %\r20 %\r\x1b[32mdone\x1b[0m\n"  # 4
    "section_end:1760000009:build\r\x1b[0K\n"
    "last words section_end:1760000009:test\r\x1b[0Kmore words\n"  # 5, 6
    "ERROR: Job failed\r\n"  # 7
)


@pytest.mark.parametrize(("line", "shown"), [(1, 1), (2, 2), (5, 3), (6, 4), (8, 6), (9, 7)])
def test_lines_without_text_are_not_counted(tmp_path: Path, line: int, shown: int) -> None:
    log = tmp_path / "trace.log"
    log.write_bytes(PLAIN.encode())
    assert page_lines(log, [line]) == [shown]


def test_a_line_that_goes_on_is_one(tmp_path: Path) -> None:
    log = tmp_path / "trace.log"
    stamp = "2026-01-02T03:04:05.123456Z 00O"
    log.write_text(
        f"{stamp} $ make\n"  # 1
        f"{stamp} compiling a.c ...\n"  # 2
        f"{stamp}+ ok\n"  # 2
        f"{stamp} \n"
        f"{stamp}+broke\n"  # 3
        f"{stamp.replace('O', 'E')} make: *** [all] Error 1\n"  # 4
    )
    assert page_lines(log, [6, 3, 5, 1]) == [4, 2, 3, 1]


def test_a_line_behind_the_end_keeps_its_number(tmp_path: Path) -> None:
    log = tmp_path / "trace.log"
    log.write_text("one\n\ntwo\n")
    assert page_lines(log, [7]) == [7]
    assert page_lines(log, []) == []
