"""Trials: stored failures and labelled logs show what a change would do before it is made."""
