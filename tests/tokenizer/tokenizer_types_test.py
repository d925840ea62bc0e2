"""Ids, offsets and decoded text against the `tokenizers` package for every kind of tokenizer.json. Exit 77 with the reason
when it cannot run; --count N sets the number of fuzzed texts a kind."""
import argparse
import pathlib
import sys
import tempfile

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent), str(pathlib.Path(__file__).resolve().parents[1] / "support")]
from parity import SEQUENCES, check, check_bos, fuzzed_texts, written_texts  # noqa: E402
from scripts import built, need_reference  # noqa: E402


def main():
    binary = built("tests/tokenize_main")
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--only", default="")
    arguments = parser.parse_args()
    need_reference("tokenizers")
    from tokenizer_types import GROUPS, assemble
    from training_text import training_lines
    with_bos = without_bos = 0
    for group, kinds in GROUPS.items():
        for seed, (name, parts) in enumerate(kinds()):
            if arguments.only not in name:
                continue
            with tempfile.TemporaryDirectory() as folder:
                reference, inserts = assemble(folder, **parts)
                has_bos = check_bos(f"{group}: {name}", binary, folder, reference)
                with_bos, without_bos = with_bos + has_bos, without_bos + (not has_bos)
                texts = written_texts() + training_lines(40, seed) + SEQUENCES
                texts += fuzzed_texts(arguments.count, seed, inserts) + fuzzed_texts(arguments.count // 4, seed + 1000)
                check(f"{group}: {name}", binary, folder, reference, texts, decodes=parts.get("decoder") is not None)
    print(f"{with_bos} tokenizers put a token in front of a text, {without_bos} do not, each as the reference says")
    if not arguments.only and not (with_bos and without_bos):
        sys.exit("FAILED: expected tokenizers of both kinds")


if __name__ == "__main__":
    main()
