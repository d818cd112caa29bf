"""Runs a workflow anew with another runner as its input, and finds the run that came of it.

https://docs.github.com/en/rest/actions/workflows#create-a-workflow-dispatch-event
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from pipeline_guard.domain.dispatch import Dispatched
from pipeline_guard.domain.runs import Run
from pipeline_guard.errors import PlatformError, PlatformUnavailable, Rejected
from pipeline_guard.platforms.github.answers import Answer, NotSent
from pipeline_guard.platforms.github.client import Client
from pipeline_guard.platforms.github.files import file_at, workflow_of
from pipeline_guard.platforms.github.read import dig, text, when
from pipeline_guard.platforms.github.workflow import (
    Asked,
    against_run,
    against_workflow,
    parse,
)

_CLOCKS: Final = timedelta(seconds=30)
"""How far GitHub's clock may be behind ours; it tells when a run was made to the second."""
_DETAILS: Final = "return_run_details"
"""Since February 2026 GitHub names the new run when asked to; older servers do not know the word:
https://github.blog/changelog/2026-02-19-workflow-dispatch-api-now-returns-run-ids"""

Json = dict[str, Any]


class Dispatches:
    """Dispatches of workflows, by what a run's hints say of its workflow."""

    def __init__(self, client: Client, identity: Callable[[], Awaitable[str | None]]) -> None:
        self._client = client
        self._identity = identity

    async def against(
        self, run: Run, name: str, label: str, is_protected: Callable[[str], bool]
    ) -> str | None:
        """See domain.dispatch.DispatchesRuns."""
        if reason := against_run(run):
            return reason
        if await self._identity() is None:
            return "Who we are there is not told, so the new run would not be known as ours."
        found = await asyncio.to_thread(parse, await file_at(self._client, run, workflow_of(run)))
        if isinstance(found, str):
            return found
        return against_workflow(Asked(run, found, name, label, is_protected))

    async def find(self, run: Run, since: datetime) -> Dispatched | None:
        """The first run of ours at the run's commit and branch that was dispatched since then."""
        since -= _CLOCKS
        pages = self._client.pages(
            run.repository,
            f"{_workflow(run)}/runs",
            "workflow_runs",
            most=1,
            event="workflow_dispatch",
            branch=run.ref,
            head_sha=run.commit,
            created=f">={since.strftime('%Y-%m-%dT%H:%M:%SZ')}",
        )
        login = await self._identity()
        # Older servers know fewer filters, so all are asked again here.
        found = [item async for item in pages if _is_it(item, run, login, since)]
        if not found:
            return None
        return _dispatched(min(found, key=lambda item: int(item["id"])))

    async def start(self, run: Run, inputs: Mapping[str, str], since: datetime) -> Dispatched:
        """See domain.dispatch.DispatchesRuns; a lost answer is looked up."""
        try:
            answer = await self._send(run, {"ref": run.ref, "inputs": dict(inputs)})
        except NotSent:
            raise
        except PlatformUnavailable:
            if found := await self.find(run, since):
                return found
            raise
        if isinstance(number := dig(answer.data, "workflow_run_id"), int):
            made = Dispatched(str(number), text(answer.data, "html_url"))
            return replace(made, commit=await self._commit(run, made))
        if found := await self.find(run, since):
            return found
        raise PlatformUnavailable("GitHub has taken the dispatch, but its run does not show yet.")

    async def _send(self, run: Run, body: Json) -> Answer:
        path = f"{_workflow(run)}/dispatches"
        try:
            return await self._client.send("POST", run.repository, path, body | {_DETAILS: True})
        except Rejected as error:
            if _DETAILS not in str(error):
                raise
        return await self._client.send("POST", run.repository, path, body)

    async def _commit(self, run: Run, made: Dispatched) -> str | None:
        """The new run's commit; that it was made is known without it."""
        path = f"/repos/{run.repository}/actions/runs/{made.run_id}"
        try:
            return text((await self._client.get(run.repository, path)).data, "head_sha")
        except PlatformError:
            return None


def _workflow(run: Run) -> str:
    return f"/repos/{run.repository}/actions/workflows/{run.hints.get('workflow_id')}"


def _is_it(item: Json, run: Run, login: str | None, since: datetime) -> bool:
    made = when(item, "created_at")
    return (
        login is not None
        and text(item, "actor", "login") == login
        and item.get("event") == "workflow_dispatch"
        and text(item, "head_sha") == run.commit
        and text(item, "head_branch") == run.ref
        and made is not None
        and made >= since.replace(microsecond=0)
    )


def _dispatched(item: Json) -> Dispatched:
    return Dispatched(str(item["id"]), text(item, "html_url"), text(item, "head_sha"))
