#!/usr/bin/env python3
"""The command as a person or a script meets it: exit codes, one-line errors, nothing half-written."""

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

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from scripts import command_under_test, has_sanitizer  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEMO = ROOT / "models/demo"
BINARY = None


def run(*arguments, **options):
    return subprocess.run([BINARY, *map(str, arguments)], capture_output=True, text=True, timeout=300, **options)


def write_corpus(path, documents=140):
    with open(path, "w", encoding="utf-8") as out:
        for i in range(documents):
            words = " ".join(f"The {'value list name file object'.split()[(i * 7 + j * 3) % 5]} number {i * j} returns."
                             for j in range(20))
            out.write(json.dumps({"id": f"d{i}", "stratum": "s", "text": words}) + "\n")


def assert_refused(test, result, code):
    test.assertEqual(result.returncode, code, result.stderr)
    test.assertEqual(len(result.stderr.strip().splitlines()), 1, result.stderr)
    test.assertTrue(result.stderr.startswith("energy-lens: ["), result.stderr)
    test.assertEqual(result.stdout, "")


def limited(size):
    """For preexec_fn: no file may grow beyond `size` bytes, as on a full disk."""
    def small_files():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    return small_files


SMALL = ["--layers", "8", "--window", "48", "--documents", "130", "--atoms", "24", "--active", "4", "--iterations", "1",
         "--permutations", "99", "--bootstrap", "100", "--edited-features", "1", "--edited-documents", "2", "--prompts",
         "8", "--cycle-window", "6", "--cycle-steps", "20"]


class CommandTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="el_cli_"))
        self.corpus = self.folder / "corpus.jsonl"
        write_corpus(self.corpus)

    def tearDown(self):
        shutil.rmtree(self.folder)

    def assert_refused(self, result, code):
        assert_refused(self, result, code)

    def need_limits(self):
        if has_sanitizer(BINARY, "T"):
            self.skipTest("ThreadSanitizer keeps memory of its own in a file, which the limit cuts short")

    def copy_of_demo(self):
        return pathlib.Path(shutil.copytree(DEMO, self.folder / "demo"))

    def test_help_and_version_succeed(self):
        for arguments in (["--help"], ["study", "--help"], ["lens", "--help"], ["report", "--help"], ["--version"]):
            result = run(*arguments)
            self.assertEqual(result.returncode, 0)
            self.assertTrue(result.stdout)

    def test_help_says_what_a_model_may_be_called(self):
        for command in (["lens"], ["study"], ["doctor"], ["model", "info"]):
            self.assertIn("[ORG/]NAME[@REVISION]", " ".join(run(*command, "--help").stdout.split()), command)

    def test_misuse_is_exit_2(self):
        for arguments in ([], ["study", "--no-such"], ["lens"], ["study", "--seed", "-4"], ["study", "--corpus", "x", "--dtype", "int3"], ["lens", "--text", "a b", "--layers", "6,x"],
                          ["lens", "--text", "a b", "--gradients", "some"], ["lens", "--text", "a b", "--dtype", "int3"],
                          ["doctor", "--dtype", "int3"], ["doctor", "--device", "gpu"]):
            self.assertEqual(run(*arguments).returncode, 2, arguments)

    def test_profile_is_a_chrome_trace_of_the_stages(self):
        trace = self.folder / "trace.json"
        result = run("study", "--corpus", self.corpus, "--out", self.folder / "o", *SMALL, "--profile", trace)
        self.assertEqual(result.returncode, 0, result.stderr)
        events = json.loads(trace.read_text())["traceEvents"]
        self.assertTrue(events)
        for event in events:
            self.assertEqual(event["ph"], "X")
            self.assertGreaterEqual(event["ts"], 0)
            self.assertGreaterEqual(event["dur"], 0)
        names = {event["name"] for event in events}
        self.assertLessEqual({"load the model", "learn dictionaries", "permute documents", "forward pass", "lens rows"}, names)

    def test_profile_that_cannot_be_written_is_exit_5(self):
        trace = "/proc/trace.json"
        self.assertEqual(run("model", "info", "--profile", trace).returncode, 5)
        self.assert_refused(run("report", self.folder / "none.json", "--profile", trace), 4)

    def test_missing_things_are_exit_4(self):
        self.assert_refused(run("lens", "--model", self.folder / "none", "--text", "a b"), 4)
        self.assert_refused(run("study", "--corpus", self.folder / "none.jsonl", "--out", self.folder / "o"), 4)
        self.assert_refused(run("report", self.folder / "none.json"), 4)

    def test_lens_prints_json_whose_last_layer_is_the_loss(self):
        result = run("lens", "--text", "The quick brown fox jumps.", "--bos")
        self.assertEqual(result.returncode, 0, result.stderr)
        text = json.loads(result.stdout)["texts"][0]
        self.assertEqual(text["layers"], list(range(13)))
        self.assertEqual([len(text["energy"]), len(text["entropy"])], [13, 13])
        for energy, nll in zip(text["energy"][-1], text["token_nll"], strict=True):
            self.assertAlmostEqual(energy, nll, places=4)
        self.assertAlmostEqual(text["nll"], sum(text["energy"][-1]) / len(text["energy"][-1]), places=4)

    def test_lens_takes_the_common_flags(self):
        texts, config, out = self.folder / "t.txt", self.folder / "c.json", self.folder / "lens"
        texts.write_text("The quick brown fox.\nA lazy dog sleeps.\n")
        config.write_text(json.dumps({"layers": "all", "top-k": 2}))
        result = run("lens", "--texts", texts, "--text", "One more text.", "--config", config, "--layers", "0,12", "--seed",
                     "7", "--threads", "1", "--device", "cpu", "--dtype", "float32", "--out", out, "--quiet", "--progress",
                     "never", "--gradients", "lens")
        self.assertEqual((result.returncode, result.stdout), (0, ""), result.stderr)
        written = json.loads((out / "lens.json").read_text())
        self.assertEqual([len(written["texts"]), written["seed"]], [3, 7])
        self.assertEqual(written["texts"][0]["layers"], [0, 12])
        self.assertEqual(len(written["texts"][0]["top_ids"][0][0]), 2)
        self.assertEqual({path.name for path in out.iterdir()}, {"lens.json", "arrays.safetensors"})
        again = self.folder / "again.json"
        self.assertEqual(run("lens", "--texts", texts, "--layers", "all", "--json", again).stdout, "")
        self.assertEqual(json.loads(again.read_text())["texts"][0]["layers"], list(range(13)))

    def test_too_little_memory_is_exit_5_and_one_line(self):
        model = self.copy_of_demo()
        config = json.loads((model / "config.json").read_text()) | {"n_embd": 8192, "n_head": 64, "n_layer": 1}
        (model / "config.json").write_text(json.dumps(config))
        options = {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30)),
                   "env": os.environ | {"OMP_NUM_THREADS": "1"}}
        if run("--version", **options).returncode != 0:
            self.skipTest("the program itself needs more address space than the limit, as under a sanitizer")
        result = run("lens", "--model", model, "--random-weights", "1", "--text", "a b c", "--threads", "1", **options)
        self.assert_refused(result, 5)
        self.assertIn("[memory]", result.stderr)

    def test_the_device_that_was_used_is_named_and_an_absent_one_is_exit_4(self):
        report = json.loads(run("doctor", "--device", "auto", "--json", "-").stdout)
        best = report["machine"]["best_device"]
        self.assertEqual(report["model"]["device"], ", ".join(best))
        self.assertTrue(all(name.split(":")[0] in ("cpu", "cuda", "mps") for name in best), best)
        lens = json.loads(run("lens", "--text", "The quick brown fox.", "--device", "auto").stdout)
        self.assertEqual(lens["device"], report["model"]["device"])
        for device in ("cuda", "mps"):
            if best[0].startswith(device):
                print(f"skipped: this machine has {device}")
                continue
            result = run("doctor", "--device", device)
            self.assert_refused(result, 4)
            self.assertIn(f"'{device}'", result.stderr)

    def test_model_info_says_what_doctor_says_without_loading_weights(self):
        doctor = json.loads(run("doctor", "--dtype", "bfloat16", "--json", "-").stdout)["model"]
        result = run("model", "info", "--dtype", "bfloat16", "--json", "-")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(json.loads(result.stdout), doctor)
        self.assertLess(doctor["weight_bytes"], json.loads(run("model", "info", "--json", "-").stdout)["weight_bytes"])
        words = run("model", "info").stdout
        for name in ("parameters", "numbers", "memory", "digest"):
            self.assertIn(f"\n  {name} ", words)
        self.assert_refused(run("model", "info", "--dtype", "int3"), 2)
        broken = self.copy_of_demo()
        (broken / "model.safetensors").write_bytes((broken / "model.safetensors").read_bytes()[:-4])
        self.assert_refused(run("model", "info", "--model", broken), 3)

    def test_output_that_cannot_be_written_is_exit_5(self):
        with open("/dev/full", "w") as full:
            result = subprocess.run([BINARY, "lens", "--text", "a b c"], stdout=full, stderr=subprocess.PIPE, text=True)
        self.assertEqual(result.returncode, 5, result.stderr)
        for command in (["doctor"], ["doctor", "--json", "-"], ["model", "info"], ["model", "info", "--json", "-"]):
            with self.subTest(command), open("/dev/full", "w") as full:
                result = subprocess.run([BINARY, *command], stdout=full, stderr=subprocess.PIPE, text=True)
                self.assertEqual(result.returncode, 5, result.stderr)
        self.assert_refused(run("lens", "--text", "a b c", "--json", "/proc/lens.json"), 5)
        self.assert_refused(run("lens", "--text", "a b c", "--out", "/proc/none"), 5)

    def test_a_tokenizer_given_by_itself_is_used_if_it_fits_the_model(self):
        own = run("lens", "--text", "The quick brown fox.", "--json", "-")
        given = run("lens", "--text", "The quick brown fox.", "--json", "-", "--tokenizer", DEMO / "tokenizer.json")
        self.assertEqual(given.returncode, 0, given.stderr)
        self.assertEqual(given.stdout, own.stdout)
        larger = self.copy_of_demo() / "tokenizer.json"
        tokenizer = json.loads(larger.read_text())
        tokenizer["model"]["vocab"]["one more"] = 4096
        larger.write_text(json.dumps(tokenizer))
        refused = run("lens", "--text", "The quick brown fox.", "--tokenizer", larger)
        self.assert_refused(refused, 3)
        self.assertIn("ids up to 4096", refused.stderr)
        self.assertIn("do not belong together", refused.stderr)

    def test_an_added_token_beyond_the_embedding_is_refused_only_where_it_is_used(self):
        larger = self.copy_of_demo() / "tokenizer.json"
        tokenizer = json.loads(larger.read_text())
        tokenizer["added_tokens"].append({"id": 4096, "content": "<image>", "special": True})
        larger.write_text(json.dumps(tokenizer))
        accepted = run("lens", "--text", "The quick brown fox.", "--tokenizer", larger)
        self.assertEqual(accepted.returncode, 0, accepted.stderr)
        self.assertEqual(accepted.stdout, run("lens", "--text", "The quick brown fox.").stdout)
        refused = run("lens", "--text", "The quick <image> fox.", "--tokenizer", larger)
        self.assert_refused(refused, 3)
        self.assertIn("token id 4096, expected 0 to 4095", refused.stderr)

    def test_a_tokenizer_with_fewer_ids_than_the_model_has_rows_is_accepted(self):
        smaller = self.copy_of_demo() / "tokenizer.json"
        tokenizer = json.loads(smaller.read_text())
        model = tokenizer["model"]
        last = max(model["vocab"], key=model["vocab"].get)
        del model["vocab"][last]
        pairs = [merge.split(" ") if isinstance(merge, str) else merge for merge in model["merges"]]
        model["merges"] = [pair for pair in pairs if last not in (*pair, "".join(pair))]
        smaller.write_text(json.dumps(tokenizer))
        result = run("lens", "--text", "The quick brown fox.", "--tokenizer", smaller)
        self.assertEqual(result.returncode, 0, result.stderr)

    def test_a_model_file_takes_the_tokenizer_beside_it(self):
        text = ["--text", "The quick brown fox.", "--json", "-"]
        folder = json.loads(run("lens", "--model", DEMO, *text).stdout)
        for model, options in ((DEMO / "model.safetensors", {}), ("model.safetensors", {"cwd": DEMO})):
            with self.subTest(model):
                result = run("lens", "--model", model, *text, **options)
                self.assertEqual(result.returncode, 0, result.stderr)
                file = json.loads(result.stdout)
                self.assertEqual(file["texts"], folder["texts"])
        alone = pathlib.Path(shutil.copy(DEMO / "model.safetensors", self.folder))
        shutil.copy(DEMO / "config.json", self.folder)
        result = run("lens", "--model", alone, *text)
        self.assert_refused(result, 3)
        self.assertIn("--tokenizer", result.stderr)

    def test_lens_refuses_texts_it_cannot_score(self):
        self.assert_refused(run("lens", "--text", "a"), 3)
        self.assert_refused(run("lens", "--text", "word " * 2000), 3)
        self.assert_refused(run("lens", "--text", "a b c d", "--layers", "13"), 2)

    def test_texts_that_are_not_utf8_are_exit_3_and_named(self):
        texts = ["--text", "The quick brown fox.", "--text", b"caf\xe9"]
        for command in (["lens", *texts], ["study", "--corpus", self.corpus, "--out", self.folder / "out", *texts, *SMALL]):
            result = subprocess.run([BINARY, *[os.fsencode(part) for part in command]], capture_output=True, text=True)
            self.assert_refused(result, 3)
            self.assertIn("--text 2 of 2", result.stderr)
        self.assertFalse((self.folder / "out").exists())

    def test_a_long_text_is_cut_between_characters_in_the_warning(self):
        out = self.folder / "out"
        result = run("study", "--corpus", self.corpus, "--out", out, "--text", "x" + "é" * 3000, *SMALL)
        self.assertEqual(result.returncode, 0, result.stderr)
        warnings = json.loads((out / "results.json").read_text(encoding="utf-8"))["warnings"]
        self.assertTrue(any("(x" + "é" * 19 + "...)" in warning for warning in warnings), warnings)

    def test_bad_corpora_are_exit_3(self):
        for content in (b"", b"{", b'{"id": "a"}\n', b"[1]\n", b'{"text": "\xff"}\n', b'{"text": "too short"}\n'):
            with self.subTest(content):
                self.corpus.write_bytes(content)
                out = self.folder / "out"
                self.assert_refused(run("study", "--corpus", self.corpus, "--out", out, *SMALL), 3)
                self.assertFalse(out.exists())

    def test_config_files_are_applied_and_flags_win(self):
        config = self.folder / "config.json"
        config.write_text(json.dumps({"window": 5000}))
        self.assert_refused(run("study", "--config", config, "--corpus", self.corpus), 2)
        config.write_text("[]")
        self.assert_refused(run("study", "--config", config, "--corpus", self.corpus), 2)
        config.write_text(json.dumps({"windw": 50}))
        self.assert_refused(run("study", "--config", config, "--corpus", self.corpus), 2)

    def test_study_writes_everything_and_report_renders_it_again(self):
        out = self.folder / "out"
        result = run("study", "--corpus", self.corpus, "--out", out, "--text", "It isn't x.", *SMALL)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("Peak memory", result.stdout)
        results = json.loads((out / "results.json").read_text())
        self.assertEqual([text["text"] for text in results["texts"]], ["It isn't x."])
        self.assertIn("--text 'It isn'\\''t x.' ", results["execution"]["command"] + " ")
        names = {"results.json", "arrays.safetensors", "report.md", "report.html"}
        self.assertEqual({path.name for path in out.iterdir()}, names)
        html = (out / "report.html").read_bytes()
        again = self.folder / "again"
        self.assertEqual(run("report", out / "results.json", "--out", again).returncode, 0)
        self.assertEqual((again / "report.html").read_bytes(), html)
        told = run("report", out, "--out", self.folder / "of folder").stdout
        self.assertEqual(told, f"Wrote {self.folder / 'of folder/report.html'} and report.md beside it.\n")
        self.assertEqual((self.folder / "of folder/report.html").read_bytes(), html)
        (out / "report.html").unlink()
        self.assertEqual(run("report", "results.json", cwd=out).returncode, 0)
        self.assertEqual((out / "report.html").read_bytes(), html)
        self.assertEqual({path.name for path in out.iterdir()}, names)
        (out / "results.json").write_text("{}")
        self.assert_refused(run("report", out / "results.json"), 3)
        self.assertEqual((out / "report.html").read_bytes(), html)

    def test_ctrl_c_stops_cleanly(self):
        out = self.folder / "out"
        slow = [value if value != "99" else "1000000" for value in SMALL]
        process = subprocess.Popen([BINARY, "study", "--corpus", str(self.corpus), "--out", str(out), *slow], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        time.sleep(2.0)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130, errors)
        self.assert_only_whole_parts({"corpus.jsonl"})

    def assert_only_whole_parts(self, before):
        """Nothing but finished parts of the study, which the same command reads, came into the folder."""
        self.assertLessEqual({path.name for path in self.folder.iterdir()}, before | {"out.unfinished"})
        for part in self.folder.glob("out.unfinished/*"):
            if part.suffix == ".json":
                json.loads(part.read_text())
            self.assertNotIn("incomplete", part.name)

    def test_a_full_disk_leaves_nothing_half_written(self):
        self.need_limits()
        whole = self.folder / "whole"
        printed = run("study", "--corpus", self.corpus, "--out", whole, "--json", "-", *SMALL)
        self.assertEqual(printed.returncode, 0, printed.stderr)
        self.assertEqual(printed.stdout, (whole / "results.json").read_text())
        sizes = {path.name: path.stat().st_size for path in whole.iterdir()}
        self.assertGreater(sizes["report.html"], sizes["results.json"])  # the last file written is the first too large
        before = {path.name for path in self.folder.iterdir()}
        for size in (10000, sizes["report.html"] - 2000):
            with self.subTest(size):
                result = run("study", "--corpus", self.corpus, "--out", self.folder / "out", *SMALL, "--quiet",
                             preexec_fn=limited(size))
                self.assert_refused(result, 5)
                self.assert_only_whole_parts(before)
        resumed = run("study", "--corpus", self.corpus, "--out", self.folder / "out", *SMALL)
        self.assertEqual(resumed.returncode, 0, resumed.stderr)
        self.assertEqual(resumed.stderr, "Resuming: dictionary of layer 8, interventions of layer 8, attractors found in "
                         f"{self.folder / 'out.unfinished'}\n")

    def test_a_full_disk_leaves_no_part_of_a_lens_or_a_report(self):
        self.need_limits()
        lens = ["lens", "--text", "The quick brown fox jumps over the lazy dog.", "--gradients", "lens"]
        out, file = self.folder / "out", self.folder / "lens.json"
        before = {path.name for path in self.folder.iterdir()}
        for where in (["--out", out], ["--json", file]):
            with self.subTest(where):
                self.assert_refused(run(*lens, *where, preexec_fn=limited(2000)), 5)
                self.assertEqual({path.name for path in self.folder.iterdir()}, before)
        file.write_text("older")
        self.assert_refused(run(*lens, "--json", file, preexec_fn=limited(2000)), 5)
        self.assertEqual(file.read_text(), "older")
        study = self.folder / "study"
        result = run("study", "--corpus", self.corpus, "--out", study, *SMALL)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assert_refused(run("report", study / "results.json", "--out", out, preexec_fn=limited(10000)), 5)
        self.assertFalse(out.exists())

    def test_an_installed_program_finds_the_embedded_model(self):
        prefix = self.folder / "prefix"
        subprocess.run(["cmake", "--install", str(pathlib.Path(BINARY).parents[2]), "--prefix", str(prefix)],
                       check=True, capture_output=True)
        result = subprocess.run([prefix / "bin/energy-lens", "model", "info"], capture_output=True, text=True)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn(str(prefix / "share/energy-lens/models/demo"), result.stdout)


if __name__ == "__main__":
    BINARY = command_under_test()
    unittest.main()
