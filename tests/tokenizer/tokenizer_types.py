"""Small tokenizers of every kind that tokenizer.json describes, trained here with the `tokenizers` package."""
import json

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from training_text import training_lines

BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
QWEN = LLAMA3.replace("{1,3}", "")
ALPHABET = pre_tokenizers.ByteLevel.alphabet()


def trained_bpe(training_pre_tokenizer, alphabet=(), specials=(), **options):
    """A BPE model's JSON, trained with its own pre-tokenizer for speed."""
    tokenizer = Tokenizer(models.BPE(**options))
    tokenizer.pre_tokenizer = training_pre_tokenizer
    trainer = trainers.BpeTrainer(vocab_size=len(alphabet) + len(specials) + 500, initial_alphabet=list(alphabet),
                                  special_tokens=list(specials), show_progress=False)
    tokenizer.train_from_iterator(training_lines(), trainer)
    model = json.loads(tokenizer.to_str())["model"]
    return {**model, **options}


def trained_unigram(specials=("<unk>",), byte_fallback=False):
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.train_from_iterator(training_lines(), trainers.UnigramTrainer(
        vocab_size=300, special_tokens=list(specials), unk_token="<unk>", show_progress=False))
    return {**json.loads(tokenizer.to_str())["model"], "byte_fallback": byte_fallback}


def part(thing):
    return None if thing is None else json.loads(thing.__getstate__())


def assemble(folder, model, normalizer=None, pre_tokenizer=None, post_processor=None, decoder=None, added=()):
    """Writes tokenizer.json; returns what `tokenizers` reads from it and the contents of the added tokens."""
    base = Tokenizer.from_str(json.dumps({"version": "1.0", "truncation": None, "padding": None, "added_tokens": [],
                                          "normalizer": part(normalizer), "pre_tokenizer": part(pre_tokenizer),
                                          "post_processor": part(post_processor), "decoder": part(decoder), "model": model}))
    base.add_tokens([token for token in added if not token.special])
    base.add_special_tokens([token for token in added if token.special])
    base.save(f"{folder}/tokenizer.json")
    return Tokenizer.from_file(f"{folder}/tokenizer.json"), [token.content for token in added]


def special(content, **options):
    return AddedToken(content, special=True, normalized=False, **options)


def byte_level_types():
    model = trained_bpe(pre_tokenizers.ByteLevel(add_prefix_space=False), ALPHABET, unk_token=None)
    plain = pre_tokenizers.ByteLevel(add_prefix_space=False)
    end = special("<|endoftext|>")
    split = lambda pattern: pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(pattern), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    template = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 7)])
    spaces = [AddedToken(" " * n, normalized=True) for n in (2, 4, 3)]
    common = {"decoder": decoders.ByteLevel()}
    yield "gpt2", dict(model=model, pre_tokenizer=plain, post_processor=processors.ByteLevel(trim_offsets=False), added=[end], **common)
    for prefix in (False, True):
        yield f"byte level, trimmed, prefix space {prefix}", dict(
            model=model, pre_tokenizer=pre_tokenizers.ByteLevel(add_prefix_space=prefix), added=[end, special("<mask>", lstrip=True)],
            post_processor=processors.ByteLevel(trim_offsets=True, add_prefix_space=prefix), **common)
    yield "neox, olmo2", dict(model=model, normalizer=normalizers.NFC(), pre_tokenizer=plain, added=[end, *spaces], **common)
    yield "phi2", dict(model=model, pre_tokenizer=plain, added=[end, *spaces, AddedToken("\t\t", normalized=False)], **common)
    yield "llama3", dict(model={**model, "ignore_merges": True}, pre_tokenizer=split(LLAMA3), added=[end, special("<|eot_id|>")],
                         post_processor=processors.Sequence([processors.ByteLevel(trim_offsets=True), template]), **common)
    yield "qwen", dict(model=model, normalizer=normalizers.NFC(), pre_tokenizer=split(QWEN), added=[end, special("<|im_start|>")], **common)
    yield "digits first", dict(model=model, pre_tokenizer=pre_tokenizers.Sequence([pre_tokenizers.Digits(True), plain]), added=[end], **common)


def metaspace_types():
    fallback = trained_bpe(pre_tokenizers.Metaspace(), (), ["<unk>", "<s>", "</s>", *BYTES], unk_token="<unk>", fuse_unk=True,
                           byte_fallback=True)
    specials = [special("<unk>"), special("<s>"), special("</s>")]
    llama_decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    gemma_decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    prepend = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    yield "llama2", dict(model=fallback, normalizer=prepend, decoder=llama_decoder, added=specials)
    yield "phi3", dict(model=fallback, normalizer=prepend, decoder=llama_decoder,
                       added=[*specials, special("<|user|>", rstrip=True), AddedToken("</s2>", normalized=True, rstrip=True)])
    yield "gemma", dict(model=fallback, normalizer=normalizers.Replace(" ", "▁"), decoder=gemma_decoder, added=[*specials, AddedToken("▁▁", normalized=False)],
                        pre_tokenizer=pre_tokenizers.Split(" ", "merged_with_previous"))
    for scheme in ("first", "always", "never"):
        for split in (True, False):
            yield f"mistral, {scheme}, split {split}", dict(
                model=fallback, pre_tokenizer=pre_tokenizers.Metaspace(prepend_scheme=scheme, split=split), added=specials,
                decoder=decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace(prepend_scheme=scheme, split=split)])
                if scheme == "never" else decoders.Metaspace(prepend_scheme=scheme, split=split))
    for fuse in (True, False):
        partly = {**fallback, "fuse_unk": fuse, "vocab": {k: v for k, v in fallback["vocab"].items() if k not in ("<0xE3>", "<0xCC>")}}
        partly["vocab"].update({"hole1": fallback["vocab"]["<0xE3>"], "hole2": fallback["vocab"]["<0xCC>"]})
        yield f"some byte tokens missing, fuse {fuse}", dict(model=partly, normalizer=prepend, added=specials)
        yield f"unknown token, fuse {fuse}", dict(model={**fallback, "fuse_unk": fuse, "byte_fallback": False}, normalizer=prepend)
    for byte_fallback in (False, True):
        unigram = trained_unigram(("<unk>", *BYTES) if byte_fallback else ("<unk>",), byte_fallback)
        yield f"unigram, bytes {byte_fallback}", dict(model=unigram, pre_tokenizer=pre_tokenizers.Metaspace(), decoder=decoders.Metaspace(), added=[special("<pad>")])
        yield f"unigram, normalized, bytes {byte_fallback}", dict(
            model=unigram, pre_tokenizer=pre_tokenizers.Metaspace(prepend_scheme="first"), decoder=decoders.Metaspace(),
            normalizer=normalizers.Sequence([normalizers.NFKC(), normalizers.Strip(), normalizers.Replace(Regex(" {2,}"), " "), normalizers.Lowercase()]))


def normalizer_types():
    model = trained_bpe(pre_tokenizers.ByteLevel(add_prefix_space=False), ALPHABET, unk_token=None)
    plain = pre_tokenizers.ByteLevel(add_prefix_space=False)
    kinds = {"NFC": normalizers.NFC(), "NFD": normalizers.NFD(), "NFKC": normalizers.NFKC(), "NFKD": normalizers.NFKD(), "lower": normalizers.Lowercase(),
             "accents": normalizers.Sequence([normalizers.NFD(), normalizers.StripAccents(), normalizers.NFC()]), "marks only": normalizers.StripAccents(),
             "strip": normalizers.Strip(), "strip left": normalizers.Strip(True, False), "strip right": normalizers.Strip(False, True),
             "prepend": normalizers.Prepend("ab "), "replace": normalizers.Replace("a", "xyz"), "remove": normalizers.Replace(" ", ""),
             "replace regex": normalizers.Replace(Regex(r"\s+|[a-f]{2,3}"), "▁-"), "insert": normalizers.Replace(Regex("(?<=[ab ])"), "·"),
             "chain": normalizers.Sequence([normalizers.NFKD(), normalizers.Lowercase(), normalizers.Replace(Regex(r"\p{Mn}"), ""), normalizers.NFC()])}
    for name, normalizer in kinds.items():
        yield f"normalizer {name}", dict(model=model, normalizer=normalizer, pre_tokenizer=plain, added=[AddedToken("Ａbc", normalized=True), special("<s>")])


def splitting_types():
    model = trained_bpe(pre_tokenizers.Whitespace(), (), ["[UNK]"], unk_token="[UNK]")
    for pattern in (" ", Regex(r"\s+"), Regex(r"[\p{L}']+|\p{N}"), Regex("x*"), Regex("[,.!?]"), Regex(r"(?<=a)l|\p{Han}|\p{Lu}\p{Ll}*")):
        for behavior in ("removed", "isolated", "merged_with_previous", "merged_with_next", "contiguous"):
            for invert in (False, True):
                yield f"split {pattern} {behavior} {invert}", dict(model=model, pre_tokenizer=pre_tokenizers.Split(pattern, behavior, invert))
    for name, pre in {"digits": pre_tokenizers.Digits(False), "each digit": pre_tokenizers.Digits(True), "punctuation": pre_tokenizers.Punctuation(),
                      "punctuation contiguous": pre_tokenizers.Punctuation("contiguous"), "whitespace": pre_tokenizers.Whitespace(),
                      "whitespace split": pre_tokenizers.WhitespaceSplit(),
                      "sequence": pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation("merged_with_previous"),
                                                           pre_tokenizers.Digits(True), pre_tokenizers.Metaspace(prepend_scheme="first")])}.items():
        yield f"pre-tokenizer {name}", dict(model=model, pre_tokenizer=pre)


def added_token_types():
    model = trained_bpe(pre_tokenizers.ByteLevel(add_prefix_space=False), ALPHABET, unk_token=None)
    flags = [dict(single_word=a, lstrip=b, rstrip=c) for a in (False, True) for b in (False, True) for c in (False, True)]
    for normalized in (False, True):
        added = [AddedToken(f"Ka{i}", normalized=normalized, **options) for i, options in enumerate(flags)]
        added += [AddedToken("Ka1Ka2", normalized=normalized), AddedToken(" ", normalized=normalized, single_word=True),
                  AddedToken("é", normalized=normalized), AddedToken("KA3", normalized=not normalized), special("[S]", lstrip=True, rstrip=True)]
        for name, normalizer in {"none": None, "lower": normalizers.Lowercase(), "nfd": normalizers.NFD()}.items():
            for trims in (False, True):
                yield f"added tokens, normalized {normalized}, {name}, trims {trims}", dict(
                    model=model, normalizer=normalizer, pre_tokenizer=pre_tokenizers.ByteLevel(add_prefix_space=trims), decoder=decoders.ByteLevel(),
                    added=added, post_processor=processors.ByteLevel(trim_offsets=trims))


GROUPS = {"byte level": byte_level_types, "metaspace": metaspace_types, "normalizers": normalizer_types, "splitting": splitting_types,
          "added tokens": added_token_types}
