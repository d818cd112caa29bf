"""Who answers for a file, by CODEOWNERS."""

import time

import pytest

from pipeline_guard.remedies.owners import owners_of

FILE = """
# the shop
*            @acme/core   # everything else
*.js         @ann @bob
/docs/       @acme/writers
apps/        @carl
/build/*     dora@acme.example @dora
src/**/api   @api
/apps/github
**/fixtures/** @fix
[Payments][2] @acme/payments
pay/
pay/cards/   @eve
a\\ b.txt     @space
"""


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("setup.py", ("@acme/core",)),
        ("web/deep/app.js", ("@ann", "@bob")),
        ("docs/a/b.md", ("@acme/writers",)),
        ("web/docs/b.md", ("@acme/core",)),
        ("x/apps/y/z.py", ("@carl",)),
        ("apps/github/x.py", ()),
        ("build/log.txt", ("@dora",)),
        ("build/deep/log.txt", ("@acme/core",)),
        ("src/a/b/api/x.py", ("@api",)),
        ("src/api/x.py", ("@api",)),
        ("tests/fixtures/a.json", ("@fix",)),
        ("pay/x.py", ("@acme/payments",)),
        ("pay/cards/x.py", ("@eve",)),
        ("a b.txt", ("@space",)),
        ("./docs/x.md", ("@acme/writers",)),
    ],
)
def test_the_last_line_that_fits_has_the_say(path, expected):
    assert owners_of([path], FILE) == expected


def test_several_files_and_none():
    assert owners_of(["docs/a.md", "web/x.js"], FILE) == ("@acme/writers", "@ann", "@bob")
    assert owners_of([], FILE) == ("@acme/core",)
    assert owners_of(["x"], "") == ()
    assert len(owners_of(["x"], "* " + " ".join(f"@u{n}" for n in range(50)))) == 5


def test_what_is_no_owner_is_not_one():
    assert owners_of(["x"], "* ann @-x @a<b> [@c](http://x) @ok\n") == ("@ok",)


def test_a_hostile_file_takes_no_time():
    began = time.perf_counter()
    owners_of(["a" * 5_000], "*a" * 500 + "b @x\n" + "**/" * 300 + "z @y\n")
    assert time.perf_counter() - began < 0.5
