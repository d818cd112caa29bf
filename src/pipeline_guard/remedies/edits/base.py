"""What the edits share: how one says that it does not fit a file."""


class Unfit(Exception):
    """The edit does not fit the file, or would change more than it names; a sentence for people."""
