"""Text from logs and platforms inside Markdown: shown as it is, able to do nothing."""

from typing import Final

_SIGNS: Final = "\\`*_{}[]<>()#+!|~"
_PAUSE: Final = "\u200b"
"""A zero-width space: behind a sign it keeps a name from being mentioned or a link from forming."""


def fence(text: str) -> str:
    """A code block that its content cannot leave: the fence is longer than any run of its own."""
    longest = run = 0
    for character in text:
        run = run + 1 if character == "`" else 0
        longest = max(longest, run)
    ticks = "`" * max(3, longest + 1)
    return f"{ticks}text\n{text}\n{ticks}"


def code(text: str) -> str:
    """Inline code that its content cannot leave."""
    return f"`{' '.join(text.split()).replace('`', '')}`"


def plain(text: str) -> str:
    """Names from a platform as text: no markup, no mention, no link, no line break."""
    cleaned = " ".join(text.split())
    for character in _SIGNS:
        cleaned = cleaned.replace(character, f"\\{character}")
    return cleaned.replace("@", f"@{_PAUSE}").replace("://", f":{_PAUSE}//")


def link(text: str, url: str | None) -> str:
    """A link to an http(s) address, or the text alone; the address cannot leave its brackets."""
    if url is None or not url.startswith(("https://", "http://")):
        return text
    for sign, coded in (("(", "%28"), (")", "%29"), ("<", "%3C"), (">", "%3E"), (" ", "%20")):
        url = url.replace(sign, coded)
    return f"[{text}]({url})"
