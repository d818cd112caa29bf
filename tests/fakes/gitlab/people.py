"""The fake's people: who is a member of a project, and their awards on notes."""

import re
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response
from tests.fakes.gitlab import entities
from tests.fakes.gitlab.world import MAINTAINER, Refused

if TYPE_CHECKING:
    from tests.fakes.gitlab.api import Api, Call

EMOJI = re.compile(r"[a-z0-9_+-]+")


class People:
    """Members and awards over the API's world."""

    def __init__(self, api: "Api") -> None:
        self._api = api

    def routes(self, project: str) -> list[tuple[str, str, Any]]:
        note = project + r"/merge_requests/(\d+)/notes/(\d+)"
        return [
            ("GET", project + "/members/all", self._members),
            ("POST", note + "/award_emoji", self._award),
            ("GET", project + "/hooks", self._hooks),
        ]

    def _members(self, call: "Call", ref: str) -> Response:
        """As GitLab does, a search finds parts of names; inherited members come twice."""
        project, wanted = self._api.member(call, ref), call.query.get("query", "").lower()
        rows = [
            {**entities.user(name), "access_level": level}
            for name, level in project.members.items()
            if wanted in name.lower()
        ]
        weaker = [row | {"access_level": min(row["access_level"], 10)} for row in rows]
        return self._api.page(call, weaker + rows)

    def _hooks(self, call: "Call", ref: str) -> Response:
        return self._api.page(call, self._api.member(call, ref, MAINTAINER).hooks)

    def _award(self, call: "Call", ref: str, iid: str, number: str) -> Response:
        note = self._api.find_note(call, ref, iid, number)
        name = str(call.data.get("name") or call.query.get("name") or "")
        if not EMOJI.fullmatch(name):
            raise Refused(404, "404 Award Emoji Name is not a valid emoji name Not Found")
        if (call.username, name) in note.awards:
            raise Refused(404, "404 Award Emoji Name has already been taken Not Found")
        note.awards.append((call.username, name))
        user = entities.user(call.username)
        return JSONResponse({"id": 1, "name": name, "user": user, "awardable_id": note.id}, 201)
