"""What the tokenizer parity tests share: texts, and the comparison of tokenize_main with a `tokenizers` object."""
import bisect
import json
import random
import subprocess
import sys
import unicodedata

# Blocks where tokenizers go wrong: Latin, combining marks, scripts, spaces, symbols, emoji with joiners, CJK, Hangul.
BLOCKS = [(0x20, 0x7E), (0x20, 0x7E), (0x09, 0x0D), (0xA0, 0x24F), (0x300, 0x36F), (0x370, 0x5FF), (0x600, 0x6FF),
          (0x900, 0x97F), (0xE00, 0xE7F), (0x1100, 0x11FF), (0x1E00, 0x1EFF), (0x2000, 0x206F), (0x2150, 0x218F),
          (0x2460, 0x24FF), (0x3000, 0x30FF), (0x4E00, 0x4FFF), (0xAC00, 0xACFF), (0xFB00, 0xFB4F), (0xFF00, 0xFFEF),
          (0x1D400, 0x1D4FF), (0x1F300, 0x1F64F), (0x1F900, 0x1F9FF)]


def written_texts():
    return ["", " ", "  ", "\n", "\r\n\t ", "a" * 500, " " * 300 + "x", "\n\n\n  \n a", "Hello, world!", "I'll we've he'd IT'S",
            "def f(x):\n    return x**2  # é\n", "\tif (a && b) { c[0] += 1e-9; }\n\n", "for(;;){}\r\n\r\n",
            "café naïve Ａ１", "e\u0301a\u0308o\u0302\u0323", "\u1112\u1161\u11ab 한글", "日本語のテスト。中文，標點！",
            "👩‍👩‍👧‍👦 🇫🇷 👍🏽 ☃️", "مرحبا بالعالم", "हिन्दी क्षत्रिय", "ไทยภาษา", "a\u00a0b\u3000c\u2028d\u0085e\u200bf\u200df",
            "<|endoftext|>", "a<|endoftext|> b", " <|endoftext|><|endoftext|>", "<|endoftext", "½ ⅷ ² ①23 ٣٤", "ﬁ ﬂ ™ Å",
            "\x00\x01\x7f", "don’t “quote” — dash…", "1234567890 3.14159 0xFF", "___--==++", "\ufeffbom", "x\u0300" * 50]


# Sequences that normalization changes, joins or reorders, and characters that only look like spaces.
SEQUENCES = ["e\u0301", "a\u0323\u0307", "a\u0307\u0323", "\u1e9b\u0323", "\u1100\u1161\u11a8", "\u0344", "\u212b", "\ufb03", "\ufdfa",
             "\u0130", "\u00bd", "\u0301", "\u0958", "\u2126", "👩\u200d👩\u200d👧", "👍🏽", "🇫🇷", "\u200b", "\u180e", "\ufeff", "\u2581",
             "'S", "'ſ", "'ll", "'RE", "\r\n", "\x00", "\x1f", "\x85", "\u3000", "\u00a0", "<0x41>", "①", "ǅ", "ß"]


def fuzzed_texts(count, seed, inserts=()):
    """Random text of all blocks; `inserts` (added tokens) stand in it glued to what is around them."""
    rng = random.Random(seed)

    def character():
        while True:  # assigned characters only: packages differ in their Unicode version
            point = chr(rng.randint(*rng.choice(BLOCKS)))
            if unicodedata.category(point) != "Cn":
                return point

    def text():
        out, length = [], rng.randint(1, 40)
        while len(out) < length:
            out += [character()] * (rng.randint(2, 6) if rng.random() < 0.1 else 1)
            if rng.random() < 0.15:
                out += " " * rng.randint(1, 3)
            if rng.random() < 0.1:
                out.append(rng.choice(SEQUENCES))
            if inserts and rng.random() < 0.15:
                out.append(rng.choice(inserts))
        return "".join(out)

    return [text() for _ in range(count)]


def run(binary, folder, requests):
    lines = "".join(json.dumps(request) + "\n" for request in requests)
    done = subprocess.run([binary, folder], input=lines, capture_output=True, text=True, timeout=300)
    if done.returncode != 0:
        sys.exit(f"{binary} ended with {done.returncode}: {done.stderr}")
    replies = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(replies) == len(requests), f"{len(replies)} replies to {len(requests)} texts"
    return replies


def byte_positions(text):
    byte_at = [0]
    for character in text:
        byte_at.append(byte_at[-1] + len(character.encode()))
    return byte_at


def same_place(got, expected, done, byte_at):
    """Whether a range in bytes is the reference's, in characters, less what earlier tokens have. "exact" or "inside"."""
    begin = max(byte_at[expected[0]], done)
    end = max(byte_at[expected[1]], begin)
    if list(got) == [begin, end]:
        return "exact"
    # A token that stands for nothing of its own in the source repeats its neighbour's characters there and is empty
    # here; one that covers part of a character has all of it there and its own bytes here.
    # (Trimming takes a space off even where the tokenizer had put it there, and so moves an empty range on.)
    if got[0] == got[1]:
        first = max(expected[0] - (expected[0] == expected[1]), 0)
        return "inside" if byte_at[first] <= got[0] <= max(end, done) else None
    wide = (byte_at[bisect.bisect_right(byte_at, got[0]) - 1], byte_at[bisect.bisect_left(byte_at, got[1])])
    return "inside" if wide == (byte_at[expected[0]], byte_at[expected[1]]) else None


def check_text(name, text, ours, ids, offsets, decoded):
    if ours["ids"] != ids:
        sys.exit(f"{name}: ids differ for {text!r}\n ours   {ours['ids']}\n theirs {ids}")
    byte_at, done, inside = byte_positions(text), 0, 0
    for i, (got, expected) in enumerate(zip(ours["offsets"], offsets)):
        place = same_place(got, expected, done, byte_at)
        if got[0] < done or got[1] < got[0] or place is None:
            sys.exit(f"{name}: offset of token {i} of {text!r}: ours {got} bytes, theirs {expected} characters\n"
                     f" ours   {ours['offsets']}\n theirs {offsets}\n bytes  {byte_at}")
        done = got[1]
        inside += place == "inside"
    if decoded is not None and bytes.fromhex(ours["decoded"]).decode(errors="replace") != decoded:
        sys.exit(f"{name}: decoding {text!r}: ours {bytes.fromhex(ours['decoded'])!r}, theirs {decoded!r}")
    return inside


def check_bos(name, binary, folder, reference):
    """The token in front of every text is the one that a `tokenizers` object's post-processor puts there."""
    ours = run(binary, folder, [{"about": True}])[0]
    plain, whole = (reference.encode("a b", add_special_tokens=special).ids for special in (False, True))
    front = whole[:len(whole) - len(plain)]
    if whole != front + plain or len(front) > 1:
        sys.exit(f"{name}: the reference makes {whole} of {plain}, expected one token in front of it at most")
    if ours["adds_bos"] != bool(front) or (front and [ours["bos_id"]] != front):
        sys.exit(f"{name}: ours says {ours}, theirs puts {front} in front")
    return bool(front)


def check(name, binary, folder, reference, texts, decodes=True):
    """Ids, offsets and decoded text the same as a `tokenizers` object's."""
    tokens = inside = 0
    for text, ours in zip(texts, run(binary, folder, [{"text": t} for t in texts])):
        theirs = reference.encode(text, add_special_tokens=False)
        decoded = reference.decode(theirs.ids, skip_special_tokens=False) if decodes else None
        inside += check_text(name, text, ours, theirs.ids, theirs.offsets, decoded)
        tokens += len(theirs.ids)
    print(f"{name}: {len(texts)} texts, {tokens} tokens the same, {inside} of them in part of a character or nothing")


def check_round_trip(name, binary, folder, count, seed):
    rng = random.Random(seed)
    texts = [bytes(rng.randrange(256) for _ in range(rng.randint(1, 80))) for _ in range(count)]
    for text, reply in zip(texts, run(binary, folder, [{"hex": t.hex()} for t in texts])):
        if reply["decoded"] != text.hex():
            sys.exit(f"{name}: {text!r} came back as {bytes.fromhex(reply['decoded'])!r}")
    print(f"{name}: {count} strings came back")
