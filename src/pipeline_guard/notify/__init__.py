"""Tells people elsewhere: a Slack channel, mailboxes, or a program of theirs; one try a call."""
