#!/usr/bin/env python3
"""One cache for two programs: huggingface_hub reads what we downloaded, and we read what it downloaded."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from mock_hub import COMMITS, MockHub  # noqa: E402

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from scripts import command_under_test, skip  # noqa: E402

BINARY = None
SUPPRESS = """
def suppress(call, *arguments, **options):
    try:
        call(*arguments, **options)
    except hub.errors.EntryNotFoundError:
        pass
"""


class SharedCacheTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="el_hf_"))
        self.cache = self.folder / "hub"
        self.hub = MockHub()

    def tearDown(self):
        self.hub.shutdown()
        self.hub.server_close()
        shutil.rmtree(self.folder)

    def environment(self, **more):
        return {"HOME": str(self.folder), "PATH": os.environ["PATH"], "HF_ENDPOINT": self.hub.url,
                "HF_HUB_CACHE": str(self.cache), "HF_HUB_DISABLE_PROGRESS_BARS": "1", "HF_HUB_DISABLE_TELEMETRY": "1",
                **more}

    def ours(self, *arguments, **more):
        result = subprocess.run([BINARY, "model", "fetch", *arguments], capture_output=True, text=True, timeout=120,
                                env=self.environment(**more))
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout.strip()

    # huggingface_hub reads its environment when it is imported, hence a process for each call.
    def theirs(self, expression, **more):
        script = f"import huggingface_hub as hub\n{SUPPRESS}print({expression})"
        result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120,
                                env=self.environment(**more))
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout.strip()

    def layout(self, repository):
        """Every entry below the repository's folder, with what it holds or points to; incomplete files would show."""
        root = self.cache / repository
        entries = {}
        for path in root.rglob("*"):
            if path.is_symlink():
                entries[str(path.relative_to(root))] = "-> " + os.readlink(path)
            elif path.is_file():
                entries[str(path.relative_to(root))] = path.read_bytes()
        return entries

    def test_they_read_our_cache(self):
        for name in ("single", "sharded", "torch"):
            for revision in ("main", "v1", "refs/pr/1", COMMITS["v1"]):
                folder = self.ours(f"good/{name}@{revision}")
                asked = len(self.hub.requests)
                call = f"hub.snapshot_download('good/{name}', revision='{revision}', local_files_only=True)"
                self.assertEqual(self.theirs(call, HF_HUB_OFFLINE="1"), folder)
                for file, content in self.hub.files[name].items():
                    call = f"hub.try_to_load_from_cache('good/{name}', '{file}', revision='{revision}')"
                    path = self.theirs(call) if file == "config.json" else f"{folder}/{file}"
                    self.assertEqual(pathlib.Path(path).read_bytes(), content)
                self.assertEqual(len(self.hub.requests), asked)
        call = "hub.try_to_load_from_cache('good/single', 'tokenizer.model') is hub._CACHED_NO_EXIST"
        self.assertEqual(self.theirs(call), "True")
        self.assertIn("('good/single', 3)",
                      self.theirs("[(repo.repo_id, len(repo.revisions)) for repo in hub.scan_cache_dir().repos]"))
        # Older versions take CACHEDIR.TAG for a repository.
        self.assertEqual(self.theirs("[w for w in hub.scan_cache_dir().warnings if 'CACHEDIR.TAG' not in str(w)]"), "[]")

    def test_they_need_no_download_after_us(self):
        self.ours("good/single")
        self.hub.requests.clear()
        self.theirs("hub.snapshot_download('good/single')")
        self.assertEqual([entry["path"] for entry in self.hub.requests if entry["method"] == "GET"],
                         ["/api/models/good/single/revision/main"])

    def test_we_read_their_cache(self):
        for call in ("hub.snapshot_download('good/single')", "hub.snapshot_download('good/sharded', revision='v1')"):
            self.theirs(call)
        asked = len(self.hub.requests)
        for offline in ("0", "1"):
            for model, revision in (("good/single", "main"), ("good/sharded", "v1")):
                folder = self.ours(f"{model}@{COMMITS[revision]}", HF_HUB_OFFLINE=offline)
                self.assertEqual(pathlib.Path(folder).name, COMMITS[revision])
        self.ours("good/sharded@v1", HF_HUB_OFFLINE="1")
        self.assertEqual(len(self.hub.requests), asked)

    def test_both_write_the_same_entries(self):
        def lock_names():
            return {path.name for path in (self.cache / ".locks/models--good--sharded").iterdir()}

        self.ours("good/sharded@v1")
        ours, our_locks = self.layout("models--good--sharded"), lock_names()
        shutil.rmtree(self.cache)
        self.theirs("hub.snapshot_download('good/sharded', revision='v1')")
        absent = [os.path.basename(name) for name in ours if name.startswith(".no_exist/")]
        self.assertIn("tokenizer.model", absent)
        for file in absent:  # they note the absence, and then raise
            self.theirs(f"suppress(hub.hf_hub_download, 'good/sharded', '{file}', revision='v1')")
        self.assertEqual(ours, self.layout("models--good--sharded"))
        self.assertEqual(our_locks, lock_names())

    def test_a_download_that_they_left_unfinished_goes_on(self):
        blobs = self.cache / "models--good--single/blobs"
        self.ours("good/single")
        weights = self.cache / f"models--good--single/snapshots/{COMMITS['main']}/model.safetensors"
        etag = os.path.basename(os.readlink(weights))
        content = (blobs / etag).read_bytes()
        shutil.rmtree(self.cache)
        blobs.mkdir(parents=True)
        (blobs / f"{etag}.incomplete").write_bytes(content[:2_000_000])
        self.ours("good/single")
        self.assertEqual(self.hub.requests[-1]["range"], "bytes=2000000-")
        self.assertEqual((blobs / etag).read_bytes(), content)


if __name__ == "__main__":
    BINARY = command_under_test()
    try:
        import huggingface_hub  # noqa: F401
    except ImportError as error:
        skip(error)
    unittest.main()
