#!/usr/bin/env python3
"""What a person who mistyped is told: one line that names what, where, and what to do."""

import pathlib
import shutil
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import cli_test  # noqa: E402
from cli_test import SMALL, run, write_corpus  # noqa: E402


class Messages(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="el_messages_"))

    def tearDown(self):
        shutil.rmtree(self.folder)

    def assert_told(self, arguments, code, *parts):
        result = run(*arguments)
        cli_test.assert_refused(self, result, code)
        for part in parts:
            self.assertIn(str(part), result.stderr)

    def test_a_missing_or_unknown_subcommand_lists_all(self):
        names = "study, lens, report, model, doctor; see `energy-lens --help`"
        self.assert_told([], 2, "got no subcommand", names)
        self.assert_told(["lense"], 2, "'lense'", names)
        self.assert_told(["model", "bogus"], 2, "'bogus'", "info, fetch; see `energy-lens model --help`")

    def test_help_ends_with_the_exit_codes(self):
        last = run("--help").stdout.strip().splitlines()[-1]
        for code in ("0 done", "2 usage", "3 bad input", "4 not found", "5 no memory or disk", "70 ", "130 "):
            self.assertIn(code, last)

    def test_help_of_every_command_names_profile(self):
        for command in ([], ["study"], ["lens"], ["report"], ["model", "info"], ["doctor"]):
            with self.subTest(command):
                self.assertIn("--profile FILE", run(*command, "--help").stdout)

    def test_one_option_takes_one_text(self):
        self.assertIn("--text TEXT  ", run("lens", "--help").stdout)
        self.assertIn("give --text again for another", run("lens", "--help").stdout)
        self.assert_told(["lens", "--text", "a b", "c d"], 2, "'c d'", "repeat the option", "energy-lens lens --help")
        self.assert_told(["lens", "--texxt", "a b"], 2, "'--texxt', which is no option", "energy-lens lens --help")

    def test_layers_are_named_with_the_range_of_the_model(self):
        expected = "layers 0 to 12 of this model, such as --layers 0,6,12 or --layers all"
        for given, got in (("abc", "'abc'"), ("99", "99"), ("-1", "-1"), ("1,,2", "'1,,2'"), ("3,x", "'x'"), ("1,", "'1,'"),
                           ("", "''")):
            with self.subTest(given):
                self.assert_told(["lens", "--text", "a b", "--layers", given], 2, "--layers got ", got, expected)
        self.assertEqual(run("lens", "--text", "a b", "--layers", "3, 6").returncode, 0)
        self.assert_told(["lens", "--text", "a b", "--layers", "1,1"], 2, "--layers got 1 twice")
        self.assert_told(["lens", "--text", "a b", "--layers", "x", "--model", "no/such"], 2, "--layers 0,6,12")
        self.assert_told(["lens", "--text", "a b", "--layers", "0", "6"], 2, "'6'", "takes one value")
        # Which model a file of parameters names is not known where the command line is read.
        (self.folder / "config.json").write_text('{"model": "elsewhere"}')
        result = run("lens", "--text", "a b", "--config", self.folder / "config.json", "--layers", "x")
        self.assertNotIn("of this model", result.stderr)

    def test_a_bad_text_among_many_is_named_by_its_place(self):
        lines = {"not.txt": (b"one text\n\n\xff\xfe\n", ":3 ", "iconv"),
                 "short.txt": (b"one text\n\na\n", ":3,", "two or more"),
                 "long.txt": (b"one text\n" + b"word " * 2000 + b"\n", ":2,", "at most 512"),
                 "blank.jsonl": (b'{"text": "one text"}\n{"text": " "}\n', ":2,", "at least a word"),
                 "empty.jsonl": (b'{"text": "one text"}\n{"text": ""}\n', ":2,", "at least a word"),
                 "short.jsonl": (b'{"id": "x", "text": "one text"}\n{"id": "y", "text": "a"}\n', ":2,", "two or more")}
        for name, (content, line, expected) in lines.items():
            with self.subTest(name):
                path = self.folder / name
                path.write_bytes(content)
                self.assert_told(["lens", "--texts", path], 3, str(path) + line, expected)
        self.assert_told(["lens", "--text", "a b", "--text", ""], 3, "--text 2 of 2", "two or more")

    def test_a_report_without_results_says_where_they_were_expected(self):
        expected = "expected results.json of a finished study, or its folder"
        inside = self.folder / "results.json"
        self.assert_told(["report", self.folder], 4, f"got '{self.folder}', but {inside} does not exist", expected)
        for missing in (self.folder / "typo.json", f"{self.folder}/typo/", ""):
            self.assert_told(["report", missing], 4, f"got '{missing}', but that does not exist", expected)

    def test_a_missing_model_is_not_a_missing_tokenizer(self):
        (self.folder / "link").symlink_to(self.folder / "nowhere")
        (self.folder / "empty").mkdir()
        for name, code, told in (("none", 4, "which does not exist"), ("link", 3, "a link that leads nowhere"),
                                 ("empty", 3, "has no config.json")):
            with self.subTest(name):
                model = self.folder / name
                self.assert_told(["lens", "--text", "a b", "--model", model], code, model, told, "config.json, weights")

    def test_named_files_make_no_folders(self):
        place = self.folder / "some/missing"
        corpus = self.folder / "corpus.jsonl"
        write_corpus(corpus)
        for command in (["lens", "--text", "a b"], ["doctor"], ["model", "info"],
                        ["study", "--corpus", corpus, "--out", self.folder / "out", *SMALL]):
            with self.subTest(command[0]):
                self.assert_told([*command, "--json", place / "x.json"], 4, f"there is no folder {place}", "mkdir -p")
        self.assert_told(["lens", "--text", "a b", "--profile", place / "x.json"], 4, "--profile got", "mkdir -p")
        self.assertEqual([path.name for path in self.folder.iterdir()], ["corpus.jsonl"])

    def test_too_many_atoms_are_told_by_the_options_to_change(self):
        corpus = self.folder / "corpus.jsonl"
        write_corpus(corpus)
        small = [value if value != "24" else "65536" for value in SMALL]
        self.assert_told(["study", "--corpus", corpus, "--out", self.folder / "out", *small], 3, "[study]",
                         "tokens of --corpus", "an atom, 65536", "lower --atoms", "--documents or --window")


if __name__ == "__main__":
    cli_test.BINARY = cli_test.command_under_test()
    unittest.main()
