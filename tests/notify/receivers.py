"""Real receivers of notices on loopback: an HTTP server and a mail server, with their records."""

import http.server
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Posted:
    """One HTTP post: its path, headers in lower case, and body."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Inbox:
    """An HTTP receiver: what it got, and the answers it gives next (then 200)."""

    url: str = ""
    got: list[Posted] = field(default_factory=list)
    answers: list[tuple[int, dict[str, str]]] = field(default_factory=list)


@contextmanager
def http_receiver() -> Iterator[Inbox]:
    inbox = Inbox()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            headers = {key.lower(): value for key, value in self.headers.items()}
            inbox.got.append(Posted(self.path, headers, self.rfile.read(length)))
            status, extra = inbox.answers.pop(0) if inbox.answers else (200, {})
            self.send_response(status)
            for key, value in extra.items():
                self.send_header(key, value)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        inbox.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield inbox
        finally:
            server.shutdown()
            thread.join()


@dataclass
class Mailbox:
    """A mail server: the mails it took, who logged in, and what it answers to commands."""

    port: int = 0
    mails: list[str] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)
    refusals: dict[str, str] = field(default_factory=dict)
    """By command (MAIL, RCPT, AUTH, ...): the line it answers instead."""


@contextmanager
def mail_receiver() -> Iterator[Mailbox]:
    box = Mailbox()

    class Handler(socketserver.StreamRequestHandler):
        def say(self, line: str) -> None:
            self.wfile.write(f"{line}\r\n".encode())

        def handle(self) -> None:
            self.say("220 mail.test ready")
            while line := self.rfile.readline().decode().rstrip("\r\n"):
                word = line.split()[0].upper()
                if word in box.refusals:
                    self.say(box.refusals[word])
                elif word == "EHLO":
                    self.say("250-mail.test")
                    self.say("250 AUTH PLAIN")
                elif word == "AUTH":
                    box.logins.append(line.split()[-1])
                    self.say("235 welcome")
                elif word == "DATA":
                    self.say("354 go on")
                    lines = []
                    while (text := self.rfile.readline().decode().rstrip("\r\n")) != ".":
                        lines.append(text)
                    box.mails.append("\n".join(lines))
                    self.say("250 taken")
                elif word == "QUIT":
                    self.say("221 bye")
                    return
                else:
                    self.say("250 fine")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        box.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield box
        finally:
            server.shutdown()
            thread.join()
