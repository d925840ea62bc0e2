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


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(77)


def written_texts():
    return ["", " ", "  ", "\n", "\r\n\t ", "a" * 500, " " * 300 + "x", "\n\n\n  \n a", "Hello, world!", "I'll we've he'd IT'S",
            "def f(x):\n    return x**2  # é\n", "\tif (a && b) { c[0] += 1e-9; }\n\n", "for(;;){}\r\n\r\n",
            "café naïve Ａ１", "e\u0301a\u0308o\u0302\u0323", "\u1112\u1161\u11ab 한글", "日本語のテスト。中文，標點！",
            "👩‍👩‍👧‍👦 🇫🇷 👍🏽 ☃️", "مرحبا بالعالم", "हिन्दी क्षत्रिय", "ไทยภาษา", "a\u00a0b\u3000c\u2028d\u0085e\u200bf\u200df",
            "<|endoftext|>", "a<|endoftext|> b", " <|endoftext|><|endoftext|>", "<|endoftext", "½ ⅷ ² ①23 ٣٤", "ﬁ ﬂ ™ Å",
            "\x00\x01\x7f", "don’t “quote” — dash…", "1234567890 3.14159 0xFF", "___--==++", "\ufeffbom", "x\u0300" * 50]


def fuzzed_texts(count, seed):
    rng = random.Random(seed)

    def character():
        while True:  # assigned characters only: packages differ in their Unicode version
            point = chr(rng.randint(*rng.choice(BLOCKS)))
            if unicodedata.category(point) != "Cn":
                return point

    def text():
        out = []
        while len(out) < rng.randint(1, 40):
            out += [character()] * (rng.randint(2, 6) if rng.random() < 0.1 else 1)
            if rng.random() < 0.15:
                out += " " * rng.randint(1, 3)
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


def check(name, binary, folder, reference, texts):
    tokens = 0
    for text, ours in zip(texts, run(binary, folder, [{"text": t} for t in texts])):
        theirs = reference.encode(text, add_special_tokens=False)
        if ours["ids"] != theirs.ids:
            sys.exit(f"{name}: ids differ for {text!r}\n ours   {ours['ids']}\n theirs {theirs.ids}\n {theirs.tokens}")
        byte_at = [0]
        for character in text:
            byte_at.append(byte_at[-1] + len(character.encode()))
        previous = 0
        for i, (got, expected) in enumerate(zip(ours["offsets"], theirs.offsets)):
            if got[0] < previous or got[1] < got[0]:
                sys.exit(f"{name}: offsets go back at token {i} of {text!r}: {ours['offsets']}")
            previous = got[1]
            begin, end = byte_at[expected[0]], byte_at[expected[1]]
            wide = (byte_at[bisect.bisect_right(byte_at, got[0]) - 1], byte_at[bisect.bisect_left(byte_at, got[1])])
            # A token that stands for nothing of its own in the source repeats its neighbour's characters there and is
            # empty here.
            right = begin <= got[0] <= end if got[0] == got[1] else wide == (begin, end)
            if not right:
                sys.exit(f"{name}: offset of token {i} of {text!r}: ours {got}, theirs {[begin, end]} bytes\n"
                         f" {ours['offsets']}\n {theirs.offsets}\n {theirs.tokens}")
        tokens += len(theirs.ids)
    print(f"{name}: {len(texts)} texts, {tokens} tokens the same")


def check_round_trip(name, binary, folder, count, seed):
    rng = random.Random(seed)
    texts = [bytes(rng.randrange(256) for _ in range(rng.randint(1, 80))) for _ in range(count)]
    for text, reply in zip(texts, run(binary, folder, [{"hex": t.hex()} for t in texts])):
        if reply["decoded"] != text.hex():
            sys.exit(f"{name}: {text!r} came back as {bytes.fromhex(reply['decoded'])!r}")
    print(f"{name}: {count} strings came back")
