"""The fake's git data: commits, trees, blobs and refs, and pull requests that are made of them."""

import base64
import hashlib
import json
from typing import TYPE_CHECKING, Any

from tests.fakes.github import shapes
from tests.fakes.github.world import Pull, Refused, Repo

if TYPE_CHECKING:
    from tests.fakes.github.api import Api, Asked, Result

Json = dict[str, Any]


class Git:
    """Handlers beside those of Api, asked before them.

    A commit that nobody made through the API (as tests name them) holds the files of the default
    branch, and those that `Repo.at` says.
    """

    def __init__(self, api: "Api") -> None:
        self._api = api

    def routes(self, repo: str) -> list[tuple[str, str, Any, str]]:
        """Method, pattern, handler and right, as Api lists them."""
        sha = "(?P<sha>[0-9a-f]+)"
        return [
            ("GET", f"{repo}/git/ref/heads/(?P<name>.+)", self.ref, "contents:read"),
            ("POST", f"{repo}/git/refs", self.add_ref, "contents:write"),
            ("GET", f"{repo}/git/commits/{sha}", self.commit, "contents:read"),
            ("POST", f"{repo}/git/commits", self.add_commit, "contents:write"),
            ("GET", f"{repo}/git/trees/{sha}", self.tree, "contents:read"),
            ("POST", f"{repo}/git/trees", self.add_tree, "contents:write"),
            ("GET", f"{repo}/git/blobs/{sha}", self.blob, "contents:read"),
            ("GET", f"{repo}/pulls/(?P<number>\\d+)/files", self.files, "pulls:read"),
            ("POST", f"{repo}/pulls", self.open, "pulls:write"),
        ]

    def _repo(self, name: str) -> Repo:
        return self._api.repository(name)

    def ref(self, asked: "Asked", repo: str, name: str) -> "Result":
        sha = self._repo(repo).branches.get(name)
        if sha is None:
            raise Refused(404, "Not Found")
        return 200, {"ref": f"refs/heads/{name}", "object": {"type": "commit", "sha": sha}}, {}

    def add_ref(self, asked: "Asked", repo: str) -> "Result":
        home, name = self._repo(repo), str(asked.body.get("ref")).removeprefix("refs/heads/")
        if name in home.branches:
            raise Refused(422, "Reference already exists")
        if asked.body["sha"] not in home.commits:
            raise Refused(422, "Object does not exist")
        home.branches[name] = asked.body["sha"]
        return 201, {"ref": f"refs/heads/{name}", "object": {"sha": asked.body["sha"]}}, {}

    def _commit(self, home: Repo, sha: str) -> Json:
        if sha in home.commits:
            return home.commits[sha]
        return {"message": "A change", "parents": [], "tree": self._write(home, home.at(sha))}

    def commit(self, asked: "Asked", repo: str, sha: str) -> "Result":
        found = self._commit(self._repo(repo), sha)
        parents = [{"sha": item} for item in found["parents"]]
        return 200, {**found, "sha": sha, "parents": parents, "tree": {"sha": found["tree"]}}, {}

    def add_commit(self, asked: "Asked", repo: str) -> "Result":
        home, number = self._repo(repo), self._api.world.next_id()
        made = {key: asked.body[key] for key in ("message", "tree", "parents")}
        if made["tree"] not in home.objects:
            raise Refused(422, "Tree SHA does not exist")
        sha = _named(made, number)  # made twice, it is another commit: its time differs
        home.commits[sha] = made
        return 201, {**made, "sha": sha, "tree": {"sha": made["tree"]}}, {}

    def _write(self, home: Repo, files: dict[str, bytes]) -> str:
        """The files as trees and blobs; the name of the topmost tree."""
        entries: dict[str, Json] = {}
        below: dict[str, dict[str, bytes]] = {}
        for path, raw in files.items():
            folder, slash, rest = path.partition("/")
            if slash:
                below.setdefault(folder, {})[rest] = raw
                continue
            sha = _named(raw.hex())
            home.objects[sha] = raw
            mode = home.modes.get(raw, "100644")
            entries[path] = {"path": path, "mode": mode, "type": "blob", "sha": sha}
        for folder, inner in below.items():
            sha = self._write(home, inner)
            entries[folder] = {"path": folder, "mode": "040000", "type": "tree", "sha": sha}
        sha = _named(entries)
        home.objects[sha] = entries
        return sha

    def _read(self, home: Repo, sha: str) -> dict[str, bytes]:
        found: dict[str, bytes] = {}
        for name, entry in home.objects[sha].items():
            if entry["type"] == "tree":
                inner = self._read(home, entry["sha"])
                found |= {f"{name}/{path}": raw for path, raw in inner.items()}
            else:
                found[name] = home.objects[entry["sha"]]
        return found

    def tree(self, asked: "Asked", repo: str, sha: str) -> "Result":
        found = self._repo(repo).objects.get(sha)
        if not isinstance(found, dict):
            raise Refused(404, "Not Found")
        return 200, {"sha": sha, "tree": list(found.values()), "truncated": False}, {}

    def add_tree(self, asked: "Asked", repo: str) -> "Result":
        home = self._repo(repo)
        if asked.body.get("base_tree") not in home.objects:
            raise Refused(422, "base_tree is not a valid tree")
        files = self._read(home, asked.body["base_tree"])
        for entry in asked.body["tree"]:
            if entry["mode"] not in ("100644", "100755") or entry["type"] != "blob":
                raise Refused(422, "Must supply a valid tree.mode")
            files[entry["path"]] = entry["content"].encode()
        return 201, {"sha": self._write(home, files), "tree": []}, {}

    def blob(self, asked: "Asked", repo: str, sha: str) -> "Result":
        found = self._repo(repo).objects.get(sha)
        if not isinstance(found, bytes):
            raise Refused(404, "Not Found")
        return 200, {"sha": sha, "encoding": "base64",
                     "content": base64.encodebytes(found).decode()}, {}  # fmt: skip

    def files(self, asked: "Asked", repo: str, number: str) -> "Result":
        found = self._repo(repo).pulls.get(int(number))
        if found is None:
            raise Refused(404, "Not Found")
        listed = [{"filename": path, "status": status} for path, status in found.files.items()]
        return self._api.paged(asked, listed)

    def open(self, asked: "Asked", repo: str) -> "Result":
        home, head, base = self._repo(repo), asked.body["head"], asked.body["base"]
        if head not in home.branches or base not in home.branches:
            raise Refused(422, "Validation Failed")
        for pull in home.pulls.values():
            ours = (pull.branch, pull.base, pull.state, pull.head_repo)
            if ours == (head, base, "open", repo):
                raise Refused(422, f"Validation Failed: A pull request already exists for {head}.")
        number = self._api.world.next_id()
        made = Pull(
            number, head, home.branches[head], repo, base=base, user=asked.login,
            title=asked.body["title"], body=asked.body.get("body") or "",
        )  # fmt: skip
        home.pulls[number] = made
        return 201, shapes.pull(self._api.base, home, made), {}

    def content(self, repo: str, branch: str) -> dict[str, bytes]:
        """For tests: the files at a branch's head."""
        home = self._repo(repo)
        return self._read(home, self._commit(home, home.branches[branch])["tree"])


def _named(*parts: Any) -> str:
    return hashlib.sha1(json.dumps(parts).encode()).hexdigest()
