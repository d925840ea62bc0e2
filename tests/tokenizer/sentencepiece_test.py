"""Ids and offsets of tokenizer.model against the `sentencepiece` package, and of llama2.c's tok512.bin against its own
algorithm written out here. Exit 77 with the reason when it cannot run."""
import argparse
import pathlib
import random
import struct
import sys
import tempfile

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent), str(pathlib.Path(__file__).resolve().parents[1] / "support")]
from parity import SEQUENCES, byte_positions, fuzzed_texts, run, written_texts  # noqa: E402
from scripts import built, need_reference, skip  # noqa: E402

TOK512 = pathlib.Path(__file__).resolve().parents[3] / "shared" / "data" / "tok512.bin"
SYMBOLS = ["<user>", "Ka lo", "▁▁", "本日"]


def kinds():
    for kind in ("bpe", "unigram"):
        for name, options in {
                "llama": dict(byte_fallback=True, normalization_rule_name="identity", remove_extra_whitespaces=False, split_digits=True),
                "default": dict(normalization_rule_name="nmt_nfkc"),
                "gemma": dict(byte_fallback=True, normalization_rule_name="identity", remove_extra_whitespaces=False, add_dummy_prefix=False,
                              user_defined_symbols=SYMBOLS, control_symbols=["<ctl>"]),
                "folded": dict(normalization_rule_name="nmt_nfkc_cf", user_defined_symbols=SYMBOLS),
                "unused": dict(normalization_rule_name="nfkc", byte_fallback=True)}.items():
            yield f"{kind}, {name}", kind, name, options


def mark_unused(model):
    """Every seventh normal piece becomes UNUSED: it may be merged through, and is never the result."""
    from sentencepiece import sentencepiece_model_pb2 as pb
    proto = pb.ModelProto.FromString(model)
    normal = [p for p in proto.pieces if p.type == pb.ModelProto.SentencePiece.NORMAL and len(p.piece) > 1]
    for piece in normal[::7]:
        piece.type = pb.ModelProto.SentencePiece.UNUSED
    return proto.SerializeToString()


def check(name, binary, folder, processor, texts):
    tokens = 0
    for text, ours in zip(texts, run(binary, folder, [{"text": t} for t in texts])):
        pieces = processor.encode(text, out_type="immutable_proto").pieces
        ids = [p.id for p in pieces]
        if ours["ids"] != ids:
            sys.exit(f"{name}: ids differ for {text!r}\n ours   {ours['ids']}\n theirs {ids}")
        byte_at, i = byte_positions(text), 0
        while i < len(ids):
            j = i  # the reference gives the bytes of a character to the last of them: compare them together
            while processor.is_byte(ids[j]) and pieces[j].begin == pieces[j].end and j + 1 < len(ids) and processor.is_byte(ids[j + 1]):
                j += 1
            got, expected = [ours["offsets"][i][0], ours["offsets"][j][1]], [byte_at[pieces[i].begin], byte_at[pieces[j].end]]
            if got != expected:
                sys.exit(f"{name}: tokens {i} to {j} of {text!r}: ours {got}, theirs {expected} bytes\n {ours['offsets']}\n {ids}")
            i = j + 1
        if processor.unk_id() not in ids and bytes.fromhex(ours["decoded"]).decode() != processor.decode(ids):
            sys.exit(f"{name}: decoding {text!r}: ours {bytes.fromhex(ours['decoded'])!r}, theirs {processor.decode(ids)!r}")
        tokens += len(ids)
    print(f"sentencepiece {name}: {len(texts)} texts, {tokens} tokens the same")


def check_broken_bytes(name, binary, folder, processor, count, seed):
    rng = random.Random(seed)
    texts = [bytes(rng.choice([rng.randrange(256), 0x61, 0x20, 0xE3, 0x81]) for _ in range(rng.randint(1, 40))) for _ in range(count)]
    for text, ours in zip(texts, run(binary, folder, [{"hex": t.hex()} for t in texts])):
        if ours["ids"] != processor.encode(text):
            sys.exit(f"{name}: ids differ for {text!r}\n ours   {ours['ids']}\n theirs {processor.encode(text)}")
    print(f"sentencepiece {name}: {count} strings of any bytes the same")


def check_sentencepiece(binary, count):
    import io
    import sentencepiece
    from training_text import training_lines
    for seed, (name, kind, variant, options) in enumerate(kinds()):
        made = io.BytesIO()
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter([line.replace("\n", " ") for line in training_lines()]), model_writer=made, model_type=kind,
            vocab_size=650 if options.get("byte_fallback") else 330, hard_vocab_limit=False, minloglevel=2, num_threads=1, **options)
        model = mark_unused(made.getvalue()) if variant == "unused" else made.getvalue()
        with tempfile.TemporaryDirectory() as folder:
            (pathlib.Path(folder) / "tokenizer.model").write_bytes(model)
            processor = sentencepiece.SentencePieceProcessor(model_proto=model)
            texts = written_texts() + training_lines(40, seed) + SEQUENCES + fuzzed_texts(count, seed, SYMBOLS + ["<s>", "<ctl>"])
            check(name, binary, folder, processor, [t.replace("\x00", "") for t in texts])
            check_broken_bytes(name, binary, folder, processor, count, seed)


def read_tok512():
    data, at, tokens = TOK512.read_bytes(), 4, []
    while at < len(data):
        score, length = struct.unpack_from("<fi", data, at)
        tokens.append((data[at + 8:at + 8 + length], score))
        at += 8 + length
    return tokens


def greedy(text, tokens):
    """llama2.c's encoding: characters, or their bytes plus three; then the best-scored pair until none is a token."""
    id_of = {token: i for i, (token, _) in enumerate(tokens)}
    ids = [id_of[b" "]] if text else []
    for character in text:
        utf8 = character.encode()
        ids += [id_of[utf8]] if utf8 in id_of else [byte + 3 for byte in utf8]
    while True:
        pairs = [(tokens[id_of[m]][1], -i, id_of[m]) for i in range(len(ids) - 1)
                 if (m := tokens[ids[i]][0] + tokens[ids[i + 1]][0]) in id_of]
        if not pairs:
            return ids
        _, at, merged = max(pairs)
        ids[-at:-at + 2] = [merged]


def check_tiles(text, ours):
    """Tokens have the text between them: each begins where the one before ends, and the last ends with the text. Only the
    space that is put in front of a text stands for nothing of it."""
    ends = [0, *(end for _, end in ours["offsets"])]
    begins = [*(begin for begin, _ in ours["offsets"]), len(text.encode())]
    if begins != ends:
        sys.exit(f"tok512: tokens of {text!r} leave gaps: {ours['offsets']}")


def check_tok512(binary, count):
    tokens = read_tok512()
    texts = written_texts() + SEQUENCES + fuzzed_texts(count, 3, ["Once upon a time, there was", "Lily"])
    for text, ours in zip(texts, run(binary, str(TOK512), [{"text": t} for t in texts])):
        if ours["ids"] != greedy(text, tokens):
            sys.exit(f"tok512: ids differ for {text!r}\n ours   {ours['ids']}\n theirs {greedy(text, tokens)}")
        if bytes.fromhex(ours["decoded"]).decode() != text:
            sys.exit(f"tok512: {text!r} came back as {bytes.fromhex(ours['decoded'])!r}")
        check_tiles(text, ours)
    print(f"tok512: {len(texts)} texts the same")


def main():
    binary = built("tests/tokenize_main")
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=200)
    arguments = parser.parse_args()
    if TOK512.exists():
        check_tok512(binary, arguments.count)
    need_reference("sentencepiece")
    check_sentencepiece(binary, arguments.count)
    if not TOK512.exists():
        skip(f"{TOK512} is absent")


if __name__ == "__main__":
    main()
