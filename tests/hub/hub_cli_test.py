#!/usr/bin/env python3
"""The command with a hub: environment variables, exit codes, interruption, two processes at once, a full disk."""

import json
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from mock_hub import COMMITS, MockHub, folder_as_files  # noqa: E402

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from scripts import command_under_test  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEMO = ROOT / "models/demo"
BINARY = None


class HubCommandTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="el_hub_"))
        self.hub = MockHub({"demo": folder_as_files(DEMO)})
        self.cache = self.folder / ".cache/huggingface/hub"
        self.environment = {"HOME": str(self.folder), "PATH": os.environ["PATH"], "HF_ENDPOINT": self.hub.url + "/",
                            "OMP_NUM_THREADS": "1"}

    def tearDown(self):
        self.hub.shutdown()
        self.hub.server_close()
        shutil.rmtree(self.folder)

    def start(self, *arguments, environment=None, **options):
        return subprocess.Popen([BINARY, *map(str, arguments)], env={**self.environment, **(environment or {})},
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)

    def run_command(self, *arguments, environment=None, **options):
        process = self.start(*arguments, environment=environment, **options)
        output, errors = process.communicate(timeout=120)
        return subprocess.CompletedProcess(arguments, process.returncode, output, errors)

    def fetch(self, *arguments, **options):
        result = self.run_command("model", "fetch", *arguments, **options)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(result.stderr, "")
        return pathlib.Path(result.stdout.strip())

    def assert_refused(self, result, code, words):
        self.assertEqual(result.returncode, code, result.stderr)
        self.assertEqual(len(result.stderr.strip().splitlines()), 1, result.stderr)
        self.assertTrue(result.stderr.startswith("energy-lens: ["), result.stderr)
        self.assertIn(words, result.stderr)
        self.assertEqual(result.stdout, "")

    def test_every_command_takes_a_hub_id(self):
        results = [self.run_command("lens", "--model", model, "--text", "The quick brown fox")
                   for model in ("good/demo", DEMO)]
        self.assertEqual(*(json.loads(result.stdout)["texts"] for result in results))
        asked = len(self.hub.requests)
        info = self.run_command("model", "info", "--model", "good/demo@main")
        self.assertIn(str(self.cache / f"models--good--demo/snapshots/{COMMITS['main']}"), info.stdout)
        self.assertEqual(self.run_command("doctor", "--model", "good/demo").returncode, 0)
        self.assertEqual(len(self.hub.requests), asked, "a model in the cache needs no network")

    def test_variables_say_where_the_cache_is(self):
        places = {"HF_HUB_CACHE": "a", "HUGGINGFACE_HUB_CACHE": "b", "HF_HOME": "c", "XDG_CACHE_HOME": "d"}
        inside = {"HF_HUB_CACHE": "", "HUGGINGFACE_HUB_CACHE": "", "HF_HOME": "hub", "XDG_CACHE_HOME": "huggingface/hub"}
        for name, place in places.items():
            folder = self.fetch("good/torch", environment={name: str(self.folder / place)})
            self.assertTrue(folder.is_relative_to(self.folder / place / inside[name] / "models--good--torch"), name)
        both = {"HF_HUB_CACHE": "~/first", "HF_HOME": "/nowhere", "HUGGINGFACE_HUB_CACHE": "/nowhere"}
        self.assertTrue(self.fetch("good/torch", environment=both).is_relative_to(self.folder / "first"))

    def test_variables_and_files_give_the_token(self):
        token_file = self.folder / "secret"
        token_file.write_text(" from-path\n")
        stored = self.folder / ".cache/huggingface/token"
        stored.parent.mkdir(parents=True)
        stored.write_text("stored\n")
        by_path = {"HF_TOKEN_PATH": str(token_file)}
        cases = [({}, "stored"), (by_path, "from-path"), ({**by_path, "HUGGING_FACE_HUB_TOKEN": "old"}, "old"),
                 ({**by_path, "HF_TOKEN": "new", "HUGGING_FACE_HUB_TOKEN": "old"}, "new")]
        for environment, token in cases:
            self.hub.requests.clear()
            self.fetch("good/torch", "--revision", "main", environment=environment)
            self.assertEqual(self.hub.requests[0]["authorization"], f"Bearer {token}")
        two_lines = {"HF_TOKEN": "a\nX-Evil: b"}
        self.assert_refused(self.run_command("model", "fetch", "good/torch", environment=two_lines), 2, "token")

    def test_offline_opens_no_connection(self):
        offline = {"HF_HUB_OFFLINE": "Yes"}
        self.assert_refused(self.run_command("model", "fetch", "good/single", environment=offline), 4, "offline")
        self.assertEqual(self.hub.requests, [])
        folder = self.fetch("good/single", "--revision", "v1")
        asked = len(self.hub.requests)
        for name, value in (("HF_HUB_OFFLINE", "1"), ("HF_HUB_OFFLINE", "on"), ("TRANSFORMERS_OFFLINE", "TRUE")):
            self.assertEqual(self.fetch("good/single@v1", environment={name: value}), folder)
        self.assertEqual(len(self.hub.requests), asked)

    def test_symlinks_can_be_turned_off(self):
        folder = self.fetch("good/sharded", environment={"HF_HUB_DISABLE_SYMLINKS": "1"})
        self.assertFalse(any(path.is_symlink() for path in folder.iterdir()))

    def test_misuse_is_exit_2(self):
        for arguments in ("no.model", "a/../b", "good/single --revision ../x", "good/single@v1 --revision v1"):
            self.assert_refused(self.run_command("model", "fetch", *arguments.split()), 2, "model id")
        wrong = {"HF_HUB_ETAG_TIMEOUT": "soon", "HF_HUB_DOWNLOAD_TIMEOUT": "-1", "HF_ENDPOINT": "hub.example"}
        for name, value in wrong.items():
            self.assert_refused(self.run_command("model", "fetch", "good/single", environment={name: value}), 2, value)

    def test_refusals_have_their_exit_codes(self):
        for model, code, words in (("missing/single", 4, "does not exist or is private"),
                                   ("gated/single", 4, "accept its terms"), ("good/single@nosuch", 4, "no revision"),
                                   ("down/single", 4, "fault of its own"), ("wronghash/single", 3, "digest"),
                                   ("good/traversal", 3, "escaped"), ("models/no-such-folder", 4, "there is no folder"),
                                   ("no-such-folder", 4, "there is no folder"), ("expired/single", 4, "run out")):
            self.assert_refused(self.run_command("lens", "--model", model, "--text", "a b"), code, words)
        self.assertEqual([path for path in self.folder.rglob("*escaped*")], [])

    def test_timeouts_come_from_the_environment(self):
        started = time.monotonic()
        short = {"HF_HUB_ETAG_TIMEOUT": "0.3"}
        self.assert_refused(self.run_command("model", "fetch", "stall/single", environment=short), 4, "silence")
        self.assertLess(time.monotonic() - started, 30)

    def test_ctrl_c_keeps_what_came_and_the_next_run_goes_on(self):
        process = self.start("model", "fetch", "slow/single")
        blobs = self.cache / "models--slow--single/blobs"
        while not any(path.stat().st_size > 300_000 for path in blobs.glob("*.incomplete")):
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130, errors)
        self.assertIn("kept", errors)
        folder = self.fetch("slow/single")
        self.assertEqual((folder / "model.safetensors").read_bytes(), self.hub.files["single"]["model.safetensors"])
        self.assertEqual(list(blobs.glob("*.incomplete")), [])
        first, last = [entry["range"] for entry in self.hub.requests if entry["path"].startswith("/cdn/")]
        self.assertIsNone(first)
        self.assertGreaterEqual(int(last.removeprefix("bytes=").removesuffix("-")), 300_000)

    def test_a_killed_run_is_resumed_too(self):
        process = self.start("model", "fetch", "slow/single")
        blobs = self.cache / "models--slow--single/blobs"
        while not any(path.stat().st_size > 300_000 for path in blobs.glob("*.incomplete")):
            time.sleep(0.02)
        process.kill()
        process.communicate()
        self.fetch("slow/single")
        self.assertTrue(self.hub.requests[-1]["range"].startswith("bytes="))

    def test_two_processes_download_once(self):
        processes = [self.start("model", "fetch", "slow/single") for _ in range(3)]
        outcomes = [process.communicate(timeout=120) + (process.returncode,) for process in processes]
        self.assertEqual({code for _, _, code in outcomes}, {0}, outcomes)
        self.assertEqual(len({output for output, _, _ in outcomes}), 1)
        downloads = [entry["path"] for entry in self.hub.requests if entry["method"] == "GET"]
        self.assertEqual(len(downloads), len(set(downloads)), downloads)

    def test_a_full_disk_is_exit_5_and_the_next_run_goes_on(self):
        def small_files():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))

        self.assert_refused(self.run_command("model", "fetch", "good/single", preexec_fn=small_files), 5, "incomplete")
        self.fetch("good/single")
        self.assertEqual(self.hub.requests[-1]["range"], "bytes=1000000-")


if __name__ == "__main__":
    BINARY = command_under_test()
    unittest.main()
