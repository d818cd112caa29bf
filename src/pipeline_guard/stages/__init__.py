"""The stops of the line: accept, diagnose, decide, act, report, follow up; one module each."""
