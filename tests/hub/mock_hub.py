#!/usr/bin/env python3
"""A hub on 127.0.0.1 that answers like the real one for what downloads need, and misbehaves on request.

A repository's name chooses how it behaves: the part before the slash is an account of BEHAVIOURS, the part after it a
set of files. GET /log returns every request so far as JSON. Run as a program, it prints its port and serves until its
standard input ends.
"""

import argparse
import hashlib
import http.server
import json
import pathlib
import re
import socket
import sys
import threading
import time
import urllib.parse

COMMITS = {"main": "a" * 40, "v1": "b" * 40, "refs/pr/1": "c" * 40}
TOKEN = "hf_mock_token"
ENTRY_404 = (404, {"X-Error-Code": "EntryNotFound", "X-Error-Message": "Entry not found"})

# What an account answers to everything, until it has done so `times` times (None: always).
DENIALS = {
    "private": (401, {"X-Error-Code": "RepoNotFound", "X-Error-Message": "Invalid username or password."}, None),
    "missing": (404, {"X-Error-Code": "RepoNotFound", "X-Error-Message": "Repository not found"}, None),
    "gated": (403, {"X-Error-Code": "GatedRepo", "X-Error-Message": "Access to model is restricted \x1b[31m"}, None),
    "forbidden": (403, {}, None),
    "odd404": (404, {}, None),
    "busy": (429, {}, None),
    "busyonce": (429, {"Retry-After": "0"}, 1),
    "down": (500, {}, None),
    "downtwice": (503, {}, 2),
}


def git_name(content):
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def shards(*names):
    return json.dumps({"metadata": {}, "weight_map": {f"t{i}": name for i, name in enumerate(names)}}).encode()


def noise(size, seed):
    return b"".join(hashlib.sha256(b"%d %d" % (seed, i)).digest() for i in range(size // 32 + 1))[:size]


def file_sets(extra):
    small = {"config.json": b'{"model_type": "gpt2"}', "tokenizer.json": b'{"version": "1.0"}', "merges.txt": b""}
    return {
        "single": {**small, "model.safetensors": noise(3_000_000, 1)},
        "sharded": {**small, "s-1.safetensors": noise(70_000, 2), "s-2.safetensors": noise(50_000, 3),
                    "model.safetensors.index.json": shards("s-1.safetensors", "s-2.safetensors", "s-1.safetensors")},
        "torch": {"config.json": small["config.json"], "vocab.json": b"{}", "merges.txt": b"#",
                  "pytorch_model.bin": noise(9_000, 4)},
        "torchsharded": {**small, "pytorch_model.bin.index.json": shards("p-1.bin"), "p-1.bin": noise(5_000, 5)},
        "lostshard": {**small, "model.safetensors.index.json": shards("s-1.safetensors")},
        "traversal": {**small, "model.safetensors.index.json": shards("../../../../escaped")},
        "absolute": {**small, "model.safetensors.index.json": shards("/tmp/escaped")},
        "notjson": {**small, "model.safetensors.index.json": b"<html>"},
        "noweights": small,
        "noconfig": {"model.safetensors": noise(100, 6)},
        "notokenizer": {"config.json": small["config.json"], "model.safetensors": noise(2_000, 7)},
        "gpt2": {**small, "model.safetensors": noise(2_000, 8)},
        **extra,
    }


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self.answer()

    def do_GET(self):
        self.answer()

    def answer(self):
        hub = self.server
        path = urllib.parse.urlparse(self.path).path
        if path == "/log":
            return self.send(200, {}, json.dumps(hub.requests).encode())
        with hub.guard:
            hub.requests.append({"method": self.command, "path": self.path, "host": self.headers.get("Host"),
                                 "authorization": self.headers.get("Authorization"), "range": self.headers.get("Range"),
                                 "encoding": self.headers.get("Accept-Encoding")})
        cdn = re.fullmatch(r"/cdn/([^/]+)/([^/]+)/(.+)", path)
        api = re.fullmatch(r"/api/models/([^/]+)/([^/]+)/revision/(.+)", path)
        resolve = re.fullmatch(r"(/moved)?/([^/]+)/([^/]+)/resolve/([^/]+)/(.+)", path)
        legacy = re.fullmatch(r"/(gpt2)/(resolve/.+)", path)
        if cdn:
            return self.send_file(cdn[1], urllib.parse.unquote(cdn[3]), hub.files[cdn[2]])
        if legacy:  # what was named before organisations were
            return self.send(307, {"Location": f"/good/{legacy[1]}/{legacy[2]}"}, b"moved")
        if api:
            return self.send_listing(api[1], api[2], urllib.parse.unquote(api[3]))
        if resolve:
            return self.resolve(*(urllib.parse.unquote(part or "") for part in resolve.groups()))
        self.send(404, {}, b"")

    def resolve(self, moved, account, name, revision, file):
        if account in DENIALS:
            status, headers, times = DENIALS[account]
            if times is None or self.server.count(account, self.path) <= times:
                return self.send(status, headers, b"<html>refused</html>")
        if account == "stall":
            return time.sleep(3)
        if account == "hangup" or (account == "hanguponce" and self.server.count(account, self.path) == 1):
            return self.hang_up()
        if account == "renamed" and not moved:
            return self.send(307, {"Location": f"/moved{self.path}"}, b"moved")
        if account == "loop":
            return self.send(307, {"Location": self.path}, b"")
        if account == "elsewhere":
            other = f"//localhost:{self.server.server_port}"
            return self.send(307, {"Location": f"{other}/good/{name}/resolve/{revision}/{file}"}, b"")
        if account == "notahub":
            return self.send(200, {}, b"<html>log in to the hotel's network</html>")
        self.send_entry(account, name, revision, file)

    def send_entry(self, account, name, revision, file):
        commit = COMMITS.get(revision, revision if revision in COMMITS.values() else None)
        if commit is None:
            return self.send(404, {"X-Error-Code": "RevisionNotFound", "X-Error-Message": "Invalid rev id"}, b"")
        content = self.server.files.get(name, {}).get(file)
        if content is None:
            return self.send(ENTRY_404[0], {**ENTRY_404[1], "X-Repo-Commit": commit}, b"")
        size = 60_000_000_000 if account == "huge" else len(content)
        if not file.endswith((".safetensors", ".bin")):
            headers = {"X-Repo-Commit": "../../x" if account == "badcommit" else commit,
                       "ETag": f'W/"{git_name(content)}"'}
            if account == "wronggit" and self.command == "GET":
                content = content[:-1] + b"?"
            return self.send(200, headers, content)
        etag = hashlib.sha256(content).hexdigest() if account != "badetag" else "../../../escaped"
        cdn = f"http://localhost:{self.server.server_port}/cdn"
        headers = {"X-Repo-Commit": commit, "X-Linked-Etag": f'"{etag}"', "X-Linked-Size": str(size),
                   "ETag": '"of-the-redirect"', "Location": f"{cdn}/{account}/{name}/{file}?signature=secret"}
        self.send(302, headers, b"Found")

    def send_file(self, account, file, files):
        if account == "expired":
            return self.send(403, {}, b"<Error>AccessDenied</Error>")
        if account == "bounce" and self.headers.get("Host").startswith("localhost"):
            return self.send(302, {"Location": self.server.url + self.path}, b"Found")
        content = files[file]
        if account == "wronghash":
            content = content[:-1] + b"?"
        if account == "longer":
            content += b"more"
        first = int(re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range") or "bytes=0-")[1])
        if account == "norange" or first == 0:
            status, headers, body = 200, {}, content
        elif account == "badrange":
            status, headers, body = 416, {"Content-Range": f"bytes */{len(content)}"}, b""
        elif account == "misrange":
            status, headers, body = 206, {}, content[:len(content) - first]
        else:
            span = f"bytes {first}-{len(content) - 1}/{len(content)}"
            status, headers, body = 206, {"Content-Range": span}, content[first:]
        if account == "early":  # an orderly answer that lacks its end
            body = b"" if first else body[:400]
        cut = {"drop": 1_200_000, "short": 400}.get(account)
        if account in ("norange", "badrange", "misrange") and self.server.count(account, file) == 1:
            cut = 2_000_000
        if account == "slow":
            return self.send_slowly(status, headers, body)
        if account == "silent" and self.command == "GET":
            return self.send_part(status, headers, body, 1000, 3.0)
        if cut is not None and self.command == "GET" and cut < len(body):
            return self.send_part(status, headers, body, cut, 0.0)
        self.send(status, headers, body)

    def send_part(self, status, headers, body, cut, silence):
        self.start(status, headers, len(body))
        self.wfile.write(body[:cut])
        self.wfile.flush()
        time.sleep(silence)
        self.hang_up()

    def send_slowly(self, status, headers, body):
        self.start(status, headers, len(body))
        for begin in range(0, len(body), 50_000):
            self.wfile.write(body[begin:begin + 50_000])
            time.sleep(0.05)

    def send_listing(self, account, name, revision):
        if account in DENIALS or revision not in COMMITS:
            return self.send(404, {"X-Error-Code": "RepoNotFound"}, b"")
        files = [{"rfilename": file} for file in self.server.files[name]]
        listing = {"id": f"{account}/{name}", "sha": COMMITS[revision], "siblings": files, "private": False,
                   "downloads": 0, "likes": 0, "tags": []}
        self.send(200, {"Content-Type": "application/json"}, json.dumps(listing).encode())

    def hang_up(self):
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def start(self, status, headers, length):
        self.send_response(status)
        for key, value in {**headers, "Content-Length": str(length)}.items():
            self.send_header(key, value)
        self.end_headers()

    def send(self, status, headers, body):
        self.start(status, headers, len(body))
        if self.command != "HEAD":
            self.wfile.write(body)


class MockHub(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, extra_files=None):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = file_sets(extra_files or {})
        self.requests, self.counts, self.guard = [], {}, threading.Lock()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"

    def count(self, *key):
        with self.guard:
            self.counts[key] = self.counts.get(key, 0) + 1
            return self.counts[key]

    def handle_error(self, request, client_address):  # a client that is killed or gives up is no fault of the hub
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


def folder_as_files(folder):
    return {path.name: path.read_bytes() for path in pathlib.Path(folder).iterdir() if path.is_file()}


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    print(MockHub().server_port, flush=True)
    sys.stdin.read()
