#!/usr/bin/env python3
"""The lens's table: the numbers of the JSON, a row a token, on a terminal or where it is asked for."""

import json
import os
import pathlib
import pty
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import cli_test  # noqa: E402
from cli_test import run  # noqa: E402
from peak_memory import gpt2, write_config  # noqa: E402

DEMO = pathlib.Path(__file__).resolve().parents[2] / "models" / "demo"

TEXT = "The quick brown fox."


def printed_on_a_terminal(*arguments):
    ours, theirs = pty.openpty()
    with subprocess.Popen([cli_test.BINARY, *arguments], stdout=theirs, stderr=subprocess.DEVNULL) as process:
        os.close(theirs)
        text = b""
        while True:
            try:
                block = os.read(ours, 65536)
            except OSError:  # how Linux says that the other side is closed
                break
            if not block:
                break
            text += block
        os.close(ours)
    return process.returncode, text.decode().replace("\r\n", "\n")


class LensTable(unittest.TestCase):
    def test_rows_hold_the_numbers_of_the_json(self):
        text = json.loads(run("lens", "--text", TEXT).stdout)["texts"][0]
        table = run("lens", "--text", TEXT, "--table")
        self.assertEqual(table.returncode, 0, table.stderr)
        legend, empty, title, header, *rows = table.stdout.splitlines()
        self.assertIn("nats", legend)
        self.assertIn(f"text 1 of 1: {len(text['tokens'])} tokens, {text['nll']:.3f} nats a token", title)
        self.assertEqual(header.split(), "token next layer 0 layer 3 layer 6 layer 9 layer 12 rank first choice".split())
        self.assertEqual(len(rows), len(text["tokens"]) - 1)
        for t, row in enumerate(rows):
            self.assertTrue(row.startswith(f'  "{text["tokens"][t]}" '), row)
            for layer in (0, 3, 6, 9, 12):
                self.assertIn(f" {text['energy'][layer][t]:.3f} ", row)
            self.assertRegex(row, rf" {text['rank'][12][t]}  \".*\" \(\d+\.\d %\)$")

    def test_layers_come_in_their_order_and_the_last_one_is_ranked(self):
        header = run("lens", "--text", TEXT, "--layers", "12,0,6", "--table").stdout.splitlines()[3]
        self.assertEqual(header.split(), "token next layer 0 layer 6 layer 12 rank first choice".split())

    def test_rows_of_an_unembedding_that_are_no_token_are_named_by_number(self):
        with tempfile.TemporaryDirectory() as folder:
            write_config(pathlib.Path(folder), gpt2(16, 1, 2) | {"vocab_size": 60000})
            table = run("lens", "--model", folder, "--tokenizer", DEMO, "--random-weights", "1", "--text", TEXT, "--table")
        self.assertEqual(table.returncode, 0, table.stderr)
        self.assertRegex(table.stdout, r'"\[id \d+\]" \(')

    def test_control_characters_come_out_as_escapes(self):
        table = run("lens", "--text", 'a\n\tb "c" \\ \x1b[31m \x7f \x85 z', "--table").stdout
        for character in table.replace("\n", ""):
            self.assertTrue(character.isprintable(), repr(character))
        for escape in ("\\n", "\\t", '\\"', "\\\\", "\\u001b"):
            self.assertIn(escape, table)

    def test_a_terminal_gets_the_table_unless_json_or_a_folder_is_asked_for(self):
        table = run("lens", "--text", TEXT, "--table").stdout
        self.assertEqual(printed_on_a_terminal("lens", "--text", TEXT), (0, table))
        code, text = printed_on_a_terminal("lens", "--text", TEXT, "--json", "-")
        self.assertEqual((code, json.loads(text)["unit"]), (0, "nats"))
        with tempfile.TemporaryDirectory() as folder:
            self.assertEqual(printed_on_a_terminal("lens", "--text", TEXT, "--out", folder), (0, ""))
            file = pathlib.Path(folder) / "lens.json"
            both = run("lens", "--text", TEXT, "--table", "--json", file)
            self.assertEqual(both.stdout, table)
            self.assertEqual(json.loads(file.read_text())["unit"], "nats")
        cli_test.assert_refused(self, run("lens", "--text", TEXT, "--table", "--json", "-"), 2)


if __name__ == "__main__":
    cli_test.BINARY = cli_test.command_under_test()
    unittest.main()
