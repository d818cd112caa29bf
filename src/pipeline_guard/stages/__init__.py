"""The stops of the line, a folder each, and what serves them all.

accept → diagnose → gather → decide → act → report → follow up; `breakers` hold actions back,
`people` ask for some, `upkeep` looks after the service, `trials` try changes on the past.
"""
