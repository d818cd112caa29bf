"""How the test frameworks print a failed test's name on one line."""

from typing import Final

PATTERNS: Final[tuple[tuple[str, str], ...]] = (
    # GLib's tests under Meson, before pytest takes the word for its own.
    ("glib", r"^ERROR:? ([\w./+-]+) - (?:too few tests run|missing test plan|exited with status)"),
    # pytest: the short summary, with -rA or xdist prefixes, and without the reason.
    (
        "pytest",
        r"^(?:\[gw\d+\] .*?)?(?:FAILED|ERROR)(?: \[[^\]]*\])? (\S+\.py(?:::\S.*?)?)(?: - .*)?$",
    ),
    # unittest and nose: "FAIL: test_name (package.Class)" or "(package.Class.test_name)".
    # … and where xdist or -v print as they go.
    ("pytest-progress", r"^(\S+\.py::\S.*?) (?:FAILED|ERROR)(?: +\[ *\d+%\])?\s*$"),
    (
        "unittest",
        r"^(?:FAIL|ERROR): (\w[\w.]* \([\w.]+\)(?: \[.*\])?(?: \(.*\))?)\s*$",
    ),
    ("nose", r"^(?:FAIL|ERROR): ((?:\w+\.)+\w+)\s*$"),
    # Jest and Vitest: the bullet over a failure's details, and vitest's FAIL lines.
    ("jest", r"^\s*● (.+ › .+?)\s*$"),
    ("vitest", r"^\s*(?:FAIL|×|❯)\s+(\S+\.(?:test|spec)\.[cm]?[jt]sx? > .+?)(?: \d+ms)?\s*$"),
    ("jest-suite", r"^\s*FAIL\s+(\S+\.(?:test|spec)\.[cm]?[jt]sx?)(?: \([\d.]+ m?s\))?\s*$"),
    # TAP (node:test, bats, prove): "not ok 3 - name", but not what is marked as a to-do.
    ("tap", r"^\s*not ok \d+ -? ?([^#\n]+?)(?: # (?i:time).*| in \d+m?s(?:ec)?)?\s*$"),
    # node:test's own reporter, and AVA's "file › title"; ✖ alone is any linter's, too.
    ("node-spec", r"^\s*✖ (\S.*?) \([\d.]+ms\)\s*$"),
    ("ava", r"^\s*✖ (\S+ › .+?)(?: (?:Rejected|Error) .*)?\s*$"),
    # Deno as it goes, and in its closing list.
    ("deno", r"^(\S.*?) \.\.\. (?:.*)FAILED \(\d+m?s\)\s*$"),
    ("deno-list", r"^(\S.*?) => \S+\.[cm]?[jt]sx?:\d+:\d+\s*$"),
    # Karma puts the browser before the name.
    (
        "karma",
        r"^(?:[A-Z][\w/-]* )+[\d.]+ \((?:[^()]|\([^()]*\))*\):? (\S.*?) FAILED\s*$",
    ),
    # go test, with subtests; and Bazel's and Go's package lines carry no test name.
    ("go", r"^\s*--- FAIL: (\S+) \([\d.]+s\)"),
    ("go-json", r"^\{(?:\"Time\":\"[^\"]*\",)?\"Action\":\"fail\",.*\"Test\":\"([^\"]+)\""),
    # Maven's surefire, old and new, and its closing list.
    (
        "surefire",
        r"^(?:\[ERROR\] +)?(\w[\w$]*\([\w.$]+\)) +(?:-- )?Time elapsed: .*<<< (?:FAIL|ERR)",
    ),
    (
        "surefire3",
        r"^(?:\[ERROR\] +)?([\w.$]+\.[\w$]+\S*) +(?:-- )?Time elapsed: .*<<< (?:FAIL|ERR)",
    ),
    ("surefire-list", r"^\[ERROR\] {2,}(\w[\w$]*\.\w[\w$]*):\d+"),
    # JUnit 4's own runner.
    ("junit4", r"^\d+\) (\w+(?:\[.*\])?\([\w.$]+\))\s*$"),
    # Gradle: "com.example.FooTest > does something FAILED".
    ("gradle", r"^(\S+(?: > .+)+) FAILED\s*$"),
    # cargo test, and nextest.
    ("cargo", r"^test ([\w:]+(?: - .*)?) +\.\.\. FAILED"),
    ("nextest", r"^\s+FAIL \[ *[\d.]+s\] +(?:\(.*\) +)?(\S+ +\S+)\s*$"),
    # RSpec's closing list, Minitest's two shapes.
    (
        "rspec",
        r"^(?:(?:bundle exec )?rspec|crystal spec) (\S+_spec\.(rb|cr)[:\[][\d:\]]+( # .+)?) *$",
    ),
    ("minitest", r"^(\w+(?:::\w+)*#test_\w+)(?: \[.*\])?:?\s*$"),
    ("minitest-spec", r"^(\S[^#]*#test_\d{4}_\S.*?)(?: \[\S+:\d+\])?:\s*$"),
    ("minitest-old", r"^(?:(?:Failure|Error): )?(test_\w+\([\w:]+\))(?: \[.*\])?:?\s*$"),
    ("rails", r"^(?:bin/)?rails test (\S+_test\.rb:\d+)\s*$"),
    # PHPUnit: "1) App\Tests\FooTest::testBar with data set #1".
    ("phpunit", r"^\d+\) ((?:\w+\\)*\w+::\w+(?: with data set .*)?)\s*$"),
    ("codeception", r"^\d+\) (\w+(?:Cest|Cept|Test): \S.*?)\s*$"),
    ("phpt", r"^FAIL (\S.* \[\S+\.phpt\])"),
    # Cucumber, in Ruby and JavaScript, Behat and behave in their closing lists.
    ("cucumber", r"^cucumber (?:-p \S+ )?(\S+\.feature:\d+(?: # .+)?)\s*$"),
    ("cucumber-list", r"^([\w./-]+\.feature:\d+ # Scenario: .+?)\s*$"),
    ("cucumber-js", r"^\d+\) Scenario: (.+? # \S+\.feature:\d+)\s*$"),
    ("behave", r"^ +(\S+\.feature:\d+(?:  .+)?)\s*$"),
    # ctest's progress and its closing list, GoogleTest; Catch2 and doctest see testnames.py.
    (
        "ctest",
        r"^\s*\d+ - (\S.*?) \((?:Failed|Timeout|SEGFAULT|Subprocess aborted|OTHER_FAULT|Not Run)\)",
    ),
    (
        "ctest-progress",
        r"^\s*\d+/\d+ Test +#\d+: (\S.*?) \.*\*\*\*(?:Failed|Timeout|Exception|Not Run)",
    ),
    ("boost", r"(?:^| )(?:fatal )?error: in \"([^\"]+)\": "),
    # LLVM's lit, GCC's DejaGnu, automake.
    ("lit", r"^(?:FAIL|TIMEOUT|XPASS): (\S.* :: .+?) \(\d+ of \d+\)"),
    ("bazel-see", r"^(?:FAIL|TIMEOUT|FLAKY): (//\S+)"),
    (
        "automake",
        r"^(?:FAIL|XPASS): ([\w+./-]*[A-Za-z][\w+./-]*(?: +\d+ .*| +\(test for .*| +-O.*)?)\s*$",
    ),
    ("gtest", r"^\[  FAILED  \] ([\w/]+\.[\w/]+)(?:, where .*)?(?: \(\d+ ms\))?\s*$"),
    # dotnet test, xUnit and NUnit.
    (
        "dotnet",
        r"^\s*(?:Failed|X) +(\S.*?) \[(?:< ?)?\d[\d.,]* ?(?:ms|s|m|h)(?: \d+ ?(?:ms|s|m))*\]",
    ),
    ("testing-platform", r"^\s*failed (\S.*?) \(\d+(?:ms|s|m|h)(?: \d+(?:ms|s|m))*\)\s*$"),
    ("xunit", r"^\s*(?:\[xUnit\.net [\d:.]+\]\s+)?(\S.*?) \[FAIL\]\s*$"),
    ("nunit", r"^\d+\) (?:Failed|Error|Invalid) : (\S.*?)\s*$"),
    # ExUnit: "  1) test does it (App.FooTest)".
    ("exunit", r"^\s+\d+\) ((?:test|property|doctest) .+ \([\w.]+\))\s*$"),
    # EUnit by rebar3 and by itself, Common Test.
    ("eunit", r"^\s+\d+\) (\w+:\w+)/\d+"),
    ("eunit-plain", r"^\s*(?:\w+:\d+: )?(\w+: \w+)\b.*\.\.\.(?:\[.*\] )?\*failed\*"),
    ("common-test", r"^%%% (\w+_SUITE ==> \S.*?): FAILED"),
    # ScalaTest under sbt or Maven, specs2, munit, Swift's XCTest and Swift Testing.
    ("scalatest", r"^(?:\[info\] +)?- (.+?) \*\*\* FAILED \*\*\*"),
    ("specs2", r"^\[error\] +[x✘✗] (\S.*?)(?: \(\d.*\))?\s*$"),
    ("munit", r"^(?:\[\w+\] )?==> X (\S.*?) +[\d.]+s "),
    ("swift-testing", r"^\S Test \"([^\"]+)\" (?:failed after|recorded an issue)"),
    ("swift-testing-name", r"^\S Test (\w+\([\w:]*\)) (?:failed after|recorded an issue)"),
    ("xctest", r"error: (-\[[\w.]+ \w+\]) : "),
    ("swift", r"^Test Case '(-?\[?[\w. ]+\]?)' failed \("),
    # Mozilla's harnesses.
    ("mozilla", r"TEST-UNEXPECTED-(?:FAIL|TIMEOUT|ERROR|CRASH) \| ([^|]+?) \|"),
    # Jest's tests outside of a group; Playwright's lists.
    ("jest-single", r"^ {2}● (\S[^›]*?)\s*$"),
    (
        "playwright",
        r"^\s*(?:\d+\) |✘ +\d+ )?\[[\w .-]+\] › (\S+:\d+:\d+ › .+?)(?: \([\d.]+m?s\))?(?: ─+)?\s*$",
    ),
    # gotestsum, Ginkgo's summary, tests that go's own timeout met.
    ("gotestsum", r"^=== FAIL: (?:\S+ )?(\S+) \([\d.]+s\)"),
    ("ginkgo", r"^\s*\[FAIL\] (.+ \[It\] .+?)\s*$"),
    ("go-timeout", r"^\t?(Test\w*(?:/\S+)?) \((?:\d+[hm])+(?:[\d.]+s)?\)$"),
    # Pest, Robot Framework, Flutter, Meson, Bazel, Perl's Test::More, Bats' pretty form, Bun.
    ("pest", r"^\s*FAILED +(\w[\w\\]* > .+?)\s*$"),
    ("robot", r"^(\S.*?) +\| FAIL \|\s*$"),
    ("flutter", r"^\d\d:\d\d \+\d+(?: ~\d+)? -\d+: (.+) \[E\]\s*$"),
    ("meson", r"^\s*\d+/\d+ (\S.*?) +(?:FAIL|TIMEOUT|ERROR) +[\d.]+s"),
    ("bazel", r"^(//\S+) +(?:FAILED|TIMEOUT|FLAKY)(?:,| in)"),
    ("perl", r"^ *# +Failed test '(.+)'"),
    ("bats-pretty", r"^ ✗ (\S.*?)\s*$"),
    ("bun", r"^(?:✗|\(fail\)) (\S.*?)(?: \[[\d.]+m?s\])?\s*$"),
    ("prove", r"^(\S+\.t) +\(Wstat: (?:[1-9]|.*Failed: [1-9])"),
    # stestr, Julia, R's testthat (new and old), Clojure, Haskell's tasty, hspec and HUnit.
    ("stestr", r"^\{\d+\} (\S.*?) \[[\d.]+s\] \.\.\. FAILED"),
    ("julia", r"^(\S.*?): (?:Test Failed|Error During Test) at \S+:\d+"),
    (
        "testthat",
        r"^\s*[─—-]+ (?:\d+\. )?(?:Failure|Error) \('?[\w./-]+\.[rR](?::\d+)*'?\): (\S.*?)[ ─—-]*$",
    ),
    ("r-check", r"^\s*Running the tests in .(\S+\.[rR]). failed\.\s*$"),
    ("testthat-oldest", r"^\s*\d+\. (?:Failure|Error) \(at \S+\.[rR]#\d+\): (\S.*?)[ ─—-]*$"),
    ("testthat-old", r"^\s*[─—-]+ \d+\. (?:Failure|Error): (\S.*?) \(@\S+\)[ ─—-]*$"),
    ("clojure", r"^(?:FAIL|ERROR) in \(([^)]+)\) \(\S+:\d+\)"),
    ("tasty", r"^\s+(\S.*?): +FAIL(?: \([\d.]+s\))?\s*$"),
    ("hspec", r"^\s*To rerun use: --match \"/?(.+?)/?\"(?: --seed \d+)?\s*$"),
    ("hunit", r"^### (?:Failure|Error) in: (\S.*?)\s*$"),
    # Zig, OCaml's alcotest, Lua's busted, BSD's kyua.
    ("zig", r"^error: '([^']+)' failed:"),
    ("alcotest", r"^\W*\[FAIL\] {4,}(\S.*?)\.?\s*$"),
    ("busted", r"^(?:Failure|Error) (?:→|->) (\S+ @ \d+)"),
    ("kyua", r"^(\S+:\w+) +-> +(?:failed|broken): "),
    # TeamCity's own messages; Unity, CppUTest, Check and Qt Test for C and C++.
    ("teamcity", r"##teamcity\[testFailed [^\]]*?\bname='((?:[^'|]|\|.)*)'"),
    ("unity", r"^\S+\.(?:c|cpp|cc):\d+:(\w+):FAIL\b"),
    ("cpputest", r": error: Failure in TEST\((\w+, \w+)\)"),
    ("check", r"^\S+\.c:\d+:[FE]:[^:]+:(\w+):\d+: "),
    ("qtest", r"^FAIL!  : (\w+::\w+\(.*?\))"),
    ("cmocka", r"^\[  FAILED  \] (\w+)\s*$"),
    # Foundry, Terraform, Open Policy Agent, dbt; xcpretty and xcbeautify.
    ("forge", r"^\[FAIL[.:].*?\] (\w+\(.*?\)) \("),
    ("terraform", r"^\s*run \"([^\"]+)\"\.\.\. fail\s*$"),
    ("opa", r"^(data\.\S+): FAIL \("),
    ("dbt", r"\d+ of \d+ FAIL \d+ (\S+) \.* *\[FAIL \d+ in "),
    ("xcpretty", r"^\s+[✗✖] (test\w+), \S"),
    # PowerShell's Pester.
    ("pester", r"^\s*\[-\] (.+?) (?:\d+m?s|\d+\.\d+s)(?: \(.*\))?\s*$"),
)
GATES: Final = (
    r"FAIL(?:ED|URE)?\b",
    "<<< ERR",
    "● ",
    r"not ok \d",
    r"[1-9]\d* failing\b",
    r"\bFailed\b",
    r"\((?:Timeout|SEGFAULT)\)",
    r"\[-\] ",
    r"_spec\.rb[:\[]",
    r"_test\.rb:\d",
    r"#test_\w",
    r"error: -\[",
    r"\bERROR:? \w",
    r"\[ERROR\]   ?\w",
    r"\b\d{1,4}\) (?:test|property|doctest|[\w\\]+::)",
    r"' failed \(",
    r"✘ +\d+ \[|\] › \S+:\d+:\d+ › ",
    r"\tTest\w*(?:/\S+)? \(\d+[hm]",
    r"-\d+: .* \[E\]",
    r" (?:TIMEOUT|FLAKY)(?:,| in| +[\d.]+s)",
    r"✗ ",
    r"\(fail\) ",
    "✖ ",
    r"\[error\] +[x✘✗] ",
    r" => \S+:\d+:\d+",
    'rror: in "',
    "XPASS: ",
    r"_spec\.cr:\d",
    r"\) \[\S+\.rb:\d+\]|(?:Failure|Error): test_\w",
    "TEST CASE: ",
    ": (?:FATAL )?ERROR: ",
    r"\.feature:\d",
    r" \[\S+\.phpt\]",
    r"\d\) (?:\w+(?:Cest|Cept|Test): |\w+:\w+/\d|(?:Error|Invalid) : )",
    r"\*failed\*",
    "==> X ",
    " (?:failed after|recorded an issue)",
    r"\(Wstat: ",
    r"Test Failed at |Error During Test at ",
    r"\w\.[rR](?::\d+)*'?\): |\(@\S+#\d+\)",
    "rerun use: --match",
    "### (?:Failure|Error) in: ",
    r"^error: '",
    "(?:Failure|Error) → ",
    r" -> +(?:failed|broken): ",
    r"Test +#\d+: .*\*\*\*",
    r"\bX \S.*\[(?:< ?)?\d",
    r"\bfailed \S.*\(\d+(?:ms|s|m|h)",
    r" tests? failed:",
    r"Failure in TEST\(",
    r"\.c:\d+:[FE]:",
    r"teamcity\[testFailed ",
    r"\.\.\. fail\b",
    r"\w\.[rR]#\d+\): ",
    "(?:Failure|Error) -> ",
    r"\d\) Skipped:",
    r"\b\d+\) \w+(?:\[[^\]]*\])?\([\w.$]+\)\s*$",
    r"\"Action\":\"fail\",",
    "Running the tests in ",
    r"^ *Message:$",
)
"""One of these is in every line that could hold a name."""
