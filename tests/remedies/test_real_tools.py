"""What real tools print is found in a log and comes to the very file that they would write."""

import subprocess
import sys
from pathlib import Path

import pytest

from pipeline_guard.logs.diffs import PrintedDiffs
from pipeline_guard.logs.read import Chunk
from pipeline_guard.logs.redact import Redactor
from pipeline_guard.remedies.unified import apply_hunks, place, read_diff

UGLY = """\
import os
import sys

class   Cart :
    def total( self,items = [ ] ) :
        return sum( [i['price']*i["count"] for i in items] )   \n
    def names(self): return {'a':1,
  'b':2}
x = os.name
"""


def ruff(*args: str, cwd: Path) -> str:
    program = Path(sys.executable).with_name("ruff")
    if not program.exists():
        pytest.skip("ruff is not beside this Python")
    done = subprocess.run(
        [program, *args, "--no-cache"], cwd=cwd, capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr


def git(*args: str, cwd: Path) -> str:
    done = subprocess.run(["git", *args], cwd=cwd, capture_output=True, text=True, check=False)
    return done.stdout


def mended(log: str, files: dict[str, bytes]) -> dict[str, bytes]:
    stamped = "".join(f"2026-11-01T10:00:00.1234567Z {line}\n" for line in log.split("\n"))
    diffs = PrintedDiffs()
    diffs.feed(Chunk(stamped.encode(), 1))
    found = diffs.found(Redactor())
    assert found.notes == ()
    parts = {place(part, list(files)): part for part in read_diff(found.diff)}
    return {path: apply_hunks(files[path], part.hunks) for path, part in parts.items()}


@pytest.mark.parametrize("command", [("format", "--diff"), ("check", "--diff", "--select", "F,I")])
def test_ruff(tmp_path, command):
    (tmp_path / "src").mkdir()
    files = {"src/cart.py": UGLY.encode(), "src/till.py": UGLY.replace("Cart", "Till").encode()}
    for path, raw in files.items():
        (tmp_path / path).write_bytes(raw)
    after = mended(ruff(*command, ".", cwd=tmp_path), files)
    ruff(
        command[0], *(("--fix",) if command[0] == "check" else ()), *command[2:], ".", cwd=tmp_path
    )
    written = {path: (tmp_path / path).read_bytes() for path in files}
    assert after == written != files


def test_git_diff_as_pre_commit_shows_it(tmp_path):
    before = "".join(f"line {number}  \n" for number in range(40)).encode() + b"no end"
    after = before.replace(b"line 3  ", b"line 3").replace(b"line 30  ", b"") + b"\nend\n"
    (tmp_path / "notes.txt").write_bytes(before)
    git("init", "-q", cwd=tmp_path)
    git("add", ".", cwd=tmp_path)
    (tmp_path / "notes.txt").write_bytes(after)
    log = "fix end of files...Failed\n- files were modified by this hook\n\n" + git(
        "--no-pager", "diff", "--no-ext-diff", cwd=tmp_path
    )
    assert mended(log, {"notes.txt": before}) == {"notes.txt": after}


GO = """\
package main
import "fmt"
func  main( ) {
  x:=map[string]int{"a":1}
      fmt.Println( x )
}
"""
TERRAFORM = """\
resource "null_resource" "a" {
  triggers={
  a="1"
    bcd  = "2"
  }
}
"""
CC = "#include <vector>\n int  q( ){return 1;}\n"
PRINTED = {
    "gofmt -d .": """\
diff src/main.go.orig src/main.go
--- src/main.go.orig
+++ src/main.go
@@ -1,6 +1,8 @@
 package main
+
 import "fmt"
-func  main( ) {
-  x:=map[string]int{"a":1}
-      fmt.Println( x )
+
+func main() {
+\tx := map[string]int{"a": 1}
+\tfmt.Println(x)
 }
""",
    "terraform fmt -check -diff -recursive": """\
infra/main.tf
--- old/infra/main.tf
+++ new/infra/main.tf
@@ -1,6 +1,6 @@
 resource "null_resource" "a" {
-  triggers={
-  a="1"
-    bcd  = "2"
+  triggers = {
+    a   = "1"
+    bcd = "2"
   }
 }
""",
    "git clang-format --diff": """\
diff --git a/src/a.cc b/src/a.cc
index 1491e23..82bbbe3 100644
--- a/src/a.cc
+++ b/src/a.cc
@@ -1,2 +1,2 @@
 #include <vector>
- int  q( ){return 1;}
+int q() { return 1; }
""",
    "clang-format-diff.py -p1": """\
--- src/a.cc\t(before formatting)
+++ src/a.cc\t(after formatting)
@@ -1,2 +1,2 @@
 #include <vector>
- int  q( ){return 1;}
+int q() { return 1; }
""",
    "pre-commit run --show-diff-on-failure --color always": """\
black....................................................................\x1b[41mFailed\x1b[m
\x1b[2m- hook id: black\x1b[m
\x1b[2m- files were modified by this hook\x1b[m
pre-commit hook(s) made changes.
All changes made by hooks:
\x1b[1mdiff --git a/src/x.py b/src/x.py\x1b[m
\x1b[1mindex 2a5b1d4..e0ec03f 100644\x1b[m
\x1b[1m--- a/src/x.py\x1b[m
\x1b[1m+++ b/src/x.py\x1b[m
\x1b[36m@@ -1,2 +1,2 @@\x1b[m
\x1b[31m-a = 1   \x1b[m
\x1b[31m-b=2\x1b[m
\x1b[32m+\x1b[m\x1b[32ma = 1\x1b[m
\x1b[32m+\x1b[m\x1b[32mb = 2\x1b[m
""",
}
"""What gofmt 1.19, Terraform 1.11, clang-format 23 and pre-commit 4 printed of these files."""
BEFORE = {
    "src/main.go": GO.encode(),
    "infra/main.tf": TERRAFORM.encode(),
    "src/a.cc": CC.encode(),
    "src/x.py": b"a = 1   \nb=2\n",
}
GOFMT = b'package main\n\nimport "fmt"\n\nfunc main() {\n\tx := map[string]int{"a": 1}\n\tfmt.Println(x)\n}\n'  # noqa: E501
FORMATTED = {
    "src/main.go": GOFMT,
    "infra/main.tf": b'resource "null_resource" "a" {\n  triggers = {\n    a   = "1"\n    bcd = "2"\n  }\n}\n',  # noqa: E501
    "src/a.cc": b"#include <vector>\nint q() { return 1; }\n",
    "src/x.py": b"a = 1\nb = 2\n",
}


@pytest.mark.parametrize("command", PRINTED)
def test_what_other_tools_printed_comes_to_what_they_write(command):
    after = mended(PRINTED[command], BEFORE)
    assert len(after) == 1
    assert after.items() <= FORMATTED.items()
