"""A Hugging Face Hub on this machine: the few routes that pushing and fetching models need.

It keeps models in memory. A large file goes by Git LFS, as on the Hub: its content first, under its
SHA-256, and its name with the commit.
"""

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

TOKEN = "hf_local"
Files = dict[str, bytes]


class RefusedError(Exception):
    """An answer other than 200, with the error code by which `huggingface_hub` tells them apart."""

    def __init__(self, status: int, code: str = "") -> None:
        super().__init__(f"{status} {code}")
        self.status, self.code = status, code


class LocalHub:
    """Models by name.

    Attributes:
        commits: the files of each version of a model, by its hash.
        branches: by model and name, the hash of the newest version.
        private: the models that need the token.
        requests: method and path of all that was asked for.
    """

    def __init__(self) -> None:
        self.commits: dict[str, Files] = {}
        self.branches: dict[str, dict[str, str]] = {}
        self.private: set[str] = set()
        self.objects: Files = {}
        self.requests: list[str] = []
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler(self))
        self.endpoint = f"http://127.0.0.1:{self.server.server_port}"

    def add(self, model: str, files: Files, branch: str = "main") -> str:
        """Makes a version of a model; returns its hash."""
        said = json.dumps([model, {name: blob(data) for name, data in files.items()}])
        commit = hashlib.sha1(f"{said} {len(self.commits)}".encode()).hexdigest()
        self.commits[commit] = files
        self.branches.setdefault(model, {})[branch] = commit
        return commit

    def files(self, model: str, branch: str = "main") -> Files:
        """The files of the newest version."""
        return self.commits[self.branches[model][branch]]

    def version(self, model: str, revision: str, token: bool) -> str:
        """The hash of a version; raises `RefusedError` if there is none, or it may not be seen."""
        if model not in self.branches or (model in self.private and not token):
            raise RefusedError(401, "RepoNotFound")
        commit = self.branches[model].get(revision, revision)
        if commit not in self.commits:
            raise RefusedError(404, "RevisionNotFound")
        return commit

    def answer(self, method: str, path: str, body: bytes, token: bool) -> Any:
        """What a request gives: a value of JSON, or for a file its bytes and its version."""
        if found := re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            model, revision, name = found.groups()
            commit = self.version(model, revision, token)
            if name not in self.commits[commit]:
                raise RefusedError(404, "EntryNotFound")
            return self.commits[commit][name], commit
        if found := re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/(revision|tree)/([^/]+))?", path):
            model, kind, revision = found.groups()
            commit = self.version(model, revision or "main", token)
            files = self.commits[commit]
            if kind == "tree":
                return [
                    {"type": "file", "path": name, "size": len(data), "oid": blob(data)}
                    for name, data in files.items()
                ]
            siblings = [{"rfilename": name, "size": len(data)} for name, data in files.items()]
            private = model in self.private
            said = {"id": model, "sha": commit, "private": private, "siblings": siblings}
            return {**said, "downloads": 0, "likes": 0, "tags": []}  # which old versions look for
        if method == "PUT":
            self.objects[hashlib.sha256(body).hexdigest()] = body
            return {}
        if not token:
            raise RefusedError(401)
        return self.answer_push(path, body)

    def answer_push(self, path: str, body: bytes) -> Any:
        """What a request gives that changes something, or prepares it."""
        if path == "/api/repos/create":
            asked = json.loads(body)
            model = f"{asked['organization']}/{asked['name']}"
            if asked["organization"] != "user":
                raise RefusedError(403)
            if model not in self.branches:
                self.add(model, {".gitattributes": b""})
                if "private" in (asked.get("visibility"), asked.get("private") and "private"):
                    self.private.add(model)
            return {"url": f"{self.endpoint}/{model}"}
        if path == "/api/validate-yaml":
            return {"errors": [], "warnings": []}
        if found := re.fullmatch(r"/(.+)\.git/info/lfs/objects/batch", path):
            return {
                "objects": [
                    each
                    | {"actions": {"upload": {"href": f"{self.endpoint}/objects/{each['oid']}"}}}
                    for each in json.loads(body)["objects"]
                ]
            }
        found = re.fullmatch(r"/api/models/([^/]+/[^/]+)/(preupload|branch|commit)/([^/]+)", path)
        if not found:
            raise RefusedError(404)
        model, kind, branch = found.groups()
        if kind == "branch":
            self.branches[model].setdefault(branch, self.branches[model]["main"])
            return {}
        if kind == "preupload":
            return {
                "files": [
                    {"path": each["path"], "uploadMode": mode(each["path"]), "shouldIgnore": False}
                    for each in json.loads(body)["files"]
                ]
            }
        commit = self.commit(model, branch, [json.loads(line) for line in body.splitlines()])
        return {"commitUrl": f"{self.endpoint}/{model}/commit/{commit}", "commitOid": commit}

    def commit(self, model: str, branch: str, lines: list[dict[str, Any]]) -> str:
        """Makes the version that a commit describes."""
        files = dict(self.files(model, branch))
        for line in lines:
            value = line["value"]
            if line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                files[value["path"]] = self.objects[value["oid"]]
            elif line["key"] == "deletedFile":
                del files[value["path"]]
        return self.add(model, files, branch)


def blob(data: bytes) -> str:
    """The name that Git gives a content."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def mode(path: str) -> str:
    """How a file is uploaded."""
    return "lfs" if path.endswith((".safetensors", ".onnx")) else "regular"


def handler(hub: LocalHub) -> type[BaseHTTPRequestHandler]:
    """What answers each request by asking a hub."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def respond(self) -> None:
            path = unquote(urlsplit(self.path).path)
            hub.requests.append(f"{self.command} {path}")
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            sent = self.headers.get("Authorization")
            status, headers, data = 200, {}, b""
            try:
                if sent not in (None, f"Bearer {TOKEN}"):
                    raise RefusedError(401, "")
                found = hub.answer(self.command, path, body, sent is not None)
                if isinstance(found, tuple):
                    data, commit = found
                    headers = {"ETag": f'"{blob(data)}"', "X-Repo-Commit": commit}
                else:
                    data = json.dumps(found).encode()
            except RefusedError as error:
                status = error.status
                headers = {"X-Error-Code": error.code} if error.code else {}
                if sent not in (None, f"Bearer {TOKEN}"):
                    headers["X-Error-Message"] = "Invalid credentials in Authorization header"
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(data))}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)

        def log_message(self, *arguments: object) -> None:
            """Nothing is printed."""

    for method in ("GET", "HEAD", "POST", "PUT"):
        setattr(Handler, f"do_{method}", Handler.respond)
    return Handler


@contextmanager
def local_hub() -> Iterator[LocalHub]:
    """A hub that answers while it is entered."""
    hub = LocalHub()
    thread = threading.Thread(target=hub.server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        hub.server.shutdown()
        hub.server.server_close()
        thread.join()
