"""Ids and offsets against the `tokenizers` package on GPT-2's own vocabulary. Exit 77 with the reason when it cannot run."""
import argparse
import json
import pathlib
import shutil
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from parity import check, fuzzed_texts, skip, written_texts, check_round_trip  # noqa: E402

DATA = pathlib.Path(__file__).resolve().parents[3] / "shared" / "data"


def corpus():
    with open(DATA / "heldout_corpus.jsonl", encoding="utf-8") as lines:
        return [json.loads(line)["text"] for line in lines]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    binary = pathlib.Path(parser.parse_args().bin) / "tests" / "tokenize_main"
    try:
        from tokenizers import ByteLevelBPETokenizer
    except ImportError as error:
        skip(f"no `tokenizers` package: {error}")
    for name in ("gpt2_vocab.json", "gpt2_merges.txt", "heldout_corpus.jsonl"):
        if not (DATA / name).exists():
            skip(f"{DATA / name} is absent")
    with tempfile.TemporaryDirectory() as folder:
        shutil.copyfile(DATA / "gpt2_vocab.json", f"{folder}/vocab.json")
        shutil.copyfile(DATA / "gpt2_merges.txt", f"{folder}/merges.txt")
        reference = ByteLevelBPETokenizer(f"{folder}/vocab.json", f"{folder}/merges.txt")
        reference.add_special_tokens(["<|endoftext|>"])
        check("GPT-2, corpus", binary, folder, reference, corpus())
        check("GPT-2, written", binary, folder, reference, written_texts())
        check("GPT-2, fuzzed", binary, folder, reference, fuzzed_texts(2000, seed=7))
        check_round_trip("GPT-2, random bytes", binary, folder, count=300, seed=8)


if __name__ == "__main__":
    main()
