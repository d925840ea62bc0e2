"""Ids and offsets against the `tokenizers` package on GPT-2's own vocabulary. Exit 77 with the reason when it cannot run."""
import json
import pathlib
import shutil
import sys
import tempfile

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent), str(pathlib.Path(__file__).resolve().parents[1] / "support")]
from parity import check, check_round_trip, fuzzed_texts, written_texts  # noqa: E402
from scripts import built, need_reference, skip  # noqa: E402

DATA = pathlib.Path(__file__).resolve().parents[3] / "shared" / "data"


def corpus():
    with open(DATA / "heldout_corpus.jsonl", encoding="utf-8") as lines:
        return [json.loads(line)["text"] for line in lines]


def main():
    binary = built("tests/tokenize_main")
    need_reference("tokenizers")
    from tokenizers import ByteLevelBPETokenizer
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
