#!/usr/bin/env python3
"""The same model from every format of checkpoint: safetensors, torch.save files and GGUF give the same bits where the
format keeps the numbers, stories260K is what llama2.c makes of it. Exit 77 with the reason when nothing can be compared."""

import json
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile

import numpy
import torch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from model_parity_test import DATA, TOLERANCE, Forward, difference, random_ids
from reference_models import random_model
from scripts import built, need_reference

VOCABULARY = 96  # a multiple of Q8_0's block, as are the widths below
STORIES = 'Once upon a time, there was a little girl named Lily'


def same(name, ours, theirs):
    if not torch.equal(ours, theirs):
        sys.exit(f"FAILED {name}: largest difference {(ours - theirs).abs().max().item()}")
    print(f"{name}: the same bits")


def near(name, ours, theirs):
    largest = difference(ours, theirs)
    print(f"{name}: largest difference {largest:.2e}")
    if not largest <= TOLERANCE:
        sys.exit(f"FAILED {name}: {largest} > {TOLERANCE}")


def configs():
    import transformers as t
    small = dict(hidden_size=64, intermediate_size=96, num_hidden_layers=3, num_attention_heads=4,
                 max_position_embeddings=80, vocab_size=VOCABULARY)
    grouped = dict(small, num_key_value_heads=2)
    gemma = dict(grouped, head_dim=32, pad_token_id=0, sliding_window=13, query_pre_attn_scalar=32)
    longrope = dict(type="longrope", short_factor=[1.0, 1.1, 1.3, 1.7, 2.0, 2.5, 3.0, 3.5], long_factor=[4.0] * 8)
    return {
        "llama": t.LlamaConfig(**grouped), "llama, tied, wide heads": t.LlamaConfig(tie_word_embeddings=True, head_dim=24, **grouped),
        "llama, linear": t.LlamaConfig(rope_scaling=dict(rope_type="linear", factor=2.0), rope_theta=5e5, **small),
        "llama, yarn": t.LlamaConfig(rope_scaling=dict(rope_type="yarn", factor=4.0, original_max_position_embeddings=20), **small),
        "llama, rope factors": t.LlamaConfig(rope_scaling=dict(
            rope_type="llama3", factor=4.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=20), **grouped),
        "llama, biases": t.LlamaConfig(attention_bias=True, **grouped), "qwen2": t.Qwen2Config(**grouped), "qwen3": t.Qwen3Config(head_dim=32, tie_word_embeddings=True, **grouped),
        "gemma": t.GemmaConfig(**dict(grouped, head_dim=32, pad_token_id=0)),
        "gemma2": t.Gemma2Config(attn_logit_softcapping=2.0, final_logit_softcapping=3.0, **gemma),
        "gemma3": t.Gemma3TextConfig(**dict(gemma, num_hidden_layers=7)),
        "phi3": t.Phi3Config(pad_token_id=0, sliding_window=19, **grouped),
        "phi3, longrope": t.Phi3Config(pad_token_id=0, **dict(grouped, max_position_embeddings=160),
                                       original_max_position_embeddings=80, rope_scaling=longrope),
        "olmo2": t.Olmo2Config(**grouped),
        "gpt2": t.GPT2Config(n_embd=64, n_head=4, n_layer=3, n_positions=80, n_inner=96, vocab_size=VOCABULARY),
        "gptneox": t.GPTNeoXConfig(rotary_pct=0.5, **small),
        "gptneox, in sequence": t.GPTNeoXConfig(rotary_pct=1.0, use_parallel_residual=False, **small),
    }


def interleaved(weight, heads):
    """llama.cpp's order of the rows of queries and keys."""
    return weight.reshape(heads, 2, weight.shape[0] // heads // 2, *weight.shape[1:]).swapaxes(1, 2).reshape(weight.shape)


def converted(architecture, name, weight, config):
    """A tensor as llama.cpp's converter lays it out."""
    if architecture == "llama" and ("q_proj" in name or "k_proj" in name):
        return interleaved(weight, config.num_attention_heads if "q_proj" in name else config.num_key_value_heads)
    if architecture.startswith("gemma") and name.endswith("norm.weight"):
        return weight + 1
    if architecture == "gpt2" and name.endswith((".c_attn.weight", ".c_proj.weight", ".c_fc.weight")):
        return weight.T
    if architecture == "gptneox" and "query_key_value" in name:
        heads = config.num_attention_heads
        parts = weight.reshape(heads, 3, config.hidden_size // heads, *weight.shape[1:])
        return numpy.ascontiguousarray(parts.swapaxes(0, 1)).reshape(weight.shape)
    return weight


def rope_factors(config):
    """What a frequency of Llama 3.1 is divided by."""
    scaling, width = config.rope_scaling, config.head_dim
    frequencies = config.rope_theta ** -(numpy.arange(0, width, 2) / width)
    wave, context = 2 * numpy.pi / frequencies, scaling["original_max_position_embeddings"]
    low, high = scaling["low_freq_factor"], scaling["high_freq_factor"]
    blend = numpy.clip((context / wave - low) / (high - low), 0, 1)
    return (1 / ((1 - blend) / scaling["factor"] + blend)).astype(numpy.float32)


def add_metadata(writer, architecture, config):
    is_gpt2 = architecture == "gpt2"
    heads = config.num_attention_heads
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.n_inner if is_gpt2 else config.intermediate_size)
    writer.add_head_count(heads)
    if is_gpt2 or architecture == "gptneox":
        writer.add_layer_norm_eps(config.layer_norm_epsilon if is_gpt2 else config.layer_norm_eps)
    else:
        writer.add_head_count_kv(config.num_key_value_heads)
        writer.add_layer_norm_rms_eps(config.rms_norm_eps)
        writer.add_rope_freq_base(config.rope_theta)
    if architecture == "gptneox":
        writer.add_rope_dimension_count(int(config.rotary_pct * config.hidden_size // heads))
        writer.add_parallel_residual(config.use_parallel_residual)
    if getattr(config, "head_dim", None) and architecture != "phi3":
        writer.add_key_length(config.head_dim)
        writer.add_value_length(config.head_dim)
    if architecture in ("gemma2", "gemma3", "phi3") and config.sliding_window:
        writer.add_sliding_window(config.sliding_window)
    if architecture == "gemma2":
        writer.add_attn_logit_softcapping(config.attn_logit_softcapping)
        writer.add_final_logit_softcapping(config.final_logit_softcapping)


def add_rope_scaling(writer, architecture, config):
    import gguf
    scaling = getattr(config, "rope_scaling", None) or {}
    kind = scaling.get("rope_type", scaling.get("type"))
    if kind in ("linear", "yarn"):
        writer.add_rope_scaling_type(gguf.RopeScalingType(kind))
        writer.add_rope_scaling_factor(scaling["factor"])
    if kind == "yarn":
        writer.add_rope_scaling_orig_ctx_len(scaling["original_max_position_embeddings"])
    if kind == "llama3":
        writer.add_tensor("rope_freqs.weight", rope_factors(config))
    if kind == "longrope":
        writer.add_rope_scaling_orig_ctx_len(config.original_max_position_embeddings)
        for which in ("short", "long"):
            writer.add_tensor(f"rope_factors_{which}.weight", numpy.array(scaling[f"{which}_factor"], numpy.float32))


def write_gguf(path, name, reference, kind):
    """Matrices in `kind`, vectors in F32, as llama.cpp writes them. Returns the state that the file holds."""
    import gguf
    architecture, config = name.split(",")[0], reference.config
    quantisation = getattr(gguf.GGMLQuantizationType, kind)
    names = gguf.get_tensor_name_map(next(k for k, v in gguf.MODEL_ARCH_NAMES.items() if v == architecture), config.num_hidden_layers)
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_custom_alignment(64)
    add_metadata(writer, architecture, config)
    add_rope_scaling(writer, architecture, config)
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list([f"t{i}" for i in range(VOCABULARY)])
    held = {}
    for key, tensor in reference.state_dict().items():
        if key.endswith((".attn.bias", "masked_bias", "inv_freq")) or (key == "lm_head.weight" and config.tie_word_embeddings):
            continue
        stored = names.get_name(key, try_suffixes=(".weight", ".bias"))
        values = numpy.ascontiguousarray(converted(architecture, key, tensor.numpy(), config))
        if values.ndim == 1:
            writer.add_tensor(stored, values)
            held[key] = tensor
            continue
        data = gguf.quantize(values, quantisation)
        writer.add_tensor(stored, data, raw_dtype=quantisation)
        held[key] = undo(architecture, key, gguf.dequantize(data, quantisation).reshape(values.shape), config)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return held


def undo(architecture, key, values, config):
    """The inverse of converted(): a permutation is found by converting the elements' numbers."""
    shape = values.T.shape if architecture == "gpt2" and ".c_" in key else values.shape
    order = converted(architecture, key, numpy.arange(values.size).reshape(shape), config) if values.ndim > 1 else None
    flat = numpy.empty(values.size, numpy.float32)
    flat[order.reshape(-1)] = values.reshape(-1)
    return torch.from_numpy(flat.reshape(shape))


def saved(reference, folder, state=None):
    """A safetensors folder of the reference, with another state where given."""
    reference.save_pretrained(folder)
    if state is not None:
        from safetensors.torch import save_file
        save_file({key: tensor.contiguous() for key, tensor in state.items()}, folder / "model.safetensors")
    return folder


def torch_folders(reference, folder):
    """The same model as pytorch_model.bin, as its shards, and as one .pt beside a config.json."""
    state = {k: v for k, v in reference.state_dict().items() if not k.endswith((".attn.bias", "masked_bias"))}
    for name in ("whole", "shards", "lone"):
        (folder / name).mkdir(parents=True)
        reference.config.save_pretrained(folder / name)
    torch.save(reference.state_dict(), folder / "whole" / "pytorch_model.bin")
    keys = sorted(state)
    parts = {f"pytorch_model-0000{i + 1}-of-00003.bin": keys[i::3] for i in range(3)}
    for file, part in parts.items():
        torch.save({key: state[key] for key in part}, folder / "shards" / file)
    (folder / "shards" / "pytorch_model.bin.index.json").write_text(json.dumps(
        {"metadata": {}, "weight_map": {key: file for file, part in parts.items() for key in part}}))
    # Every matrix transposed in memory: the same numbers by other strides.
    odd = {key: tensor.t().contiguous().t() if tensor.dim() == 2 else tensor for key, tensor in state.items()}
    torch.save(odd, folder / "lone" / "weights.pt", pickle_protocol=5)
    return [folder / "whole", folder / "shards", folder / "lone", folder / "lone" / "weights.pt",
            folder / "shards" / "pytorch_model.bin.index.json"]


def check_formats(forward, folder):
    generator = torch.Generator().manual_seed(3)
    for index, (name, config) in enumerate(configs().items()):
        reference, place = random_model(config, index), folder / f"model{index}"
        sequences = [random_ids(generator, n, VOCABULARY) for n in (70, 9)]
        logits = lambda path: forward(path, sequences)["logits"]
        expected = logits(saved(reference, place / "safetensors"))
        same(f"{name}, one safetensors file", logits(place / "safetensors" / "model.safetensors"), expected)
        for path in torch_folders(reference, place / "torch"):
            same(f"{name}, torch {path.name}", logits(path), expected)
        for kind in ("F32", "F16", "BF16", "Q8_0"):
            (place / kind).mkdir()
            held = write_gguf(place / kind / "model.gguf", name, reference, kind)
            expected_here = logits(saved(reference, place / (kind + " held"), held))
            compare = near if name == "llama, rope factors" else same  # factors are fp32 in the file
            compare(f"{name}, GGUF {kind}", logits(place / kind / "model.gguf"), expected_here)
            if kind == "F32":
                same(f"{name}, folder of one GGUF", logits(place / kind), logits(place / kind / "model.gguf"))
                compare_with_transformers(name, reference, place / kind / "model.gguf", logits(place / kind), sequences)
        shutil.rmtree(place)


def compare_with_transformers(name, reference, path, ours, sequences):
    """Another reader of GGUF; only what it understands in full."""
    if name not in ("llama", "qwen2", "qwen3", "gpt2"):  # it knows neither scaled positions nor widths of heads
        return
    from transformers.modeling_gguf_pytorch_utils import load_gguf_checkpoint
    read = load_gguf_checkpoint(path, return_tensors=True, model_to_load=reference)
    unread = {"qwen3": ["head_dim"], "gpt2": ["n_inner", "n_positions"]}  # keys of the file that it passes over
    read["config"] |= {key: getattr(reference.config, key) for key in unread.get(name, [])}
    theirs = type(reference)(type(reference.config)(**read["config"])).eval()
    missing, unknown = theirs.load_state_dict(read["tensors"], strict=False)
    if unknown or set(missing) - {"lm_head.weight"}:
        sys.exit(f"FAILED {name}: transformers' reader lacks {missing} and has {unknown}")
    for row, sequence in enumerate(sequences):
        with torch.no_grad():
            near(f"{name}, transformers' reader, {len(sequence)} tokens", ours[row, :len(sequence)],
                  theirs(torch.tensor([sequence])).logits[0])


def check_refusals(forward, folder):
    """Metadata and layouts under which the numbers would be others."""
    import gguf
    import transformers as t
    reference = random_model(configs()["llama"], 0)

    def refused(what, change, expected):
        path = folder / "refused.gguf"
        original = gguf.GGUFWriter.write_header_to_file
        try:
            gguf.GGUFWriter.write_header_to_file = lambda writer: (change(writer), original(writer))
            write_gguf(path, "llama", reference, "F32")
        finally:
            gguf.GGUFWriter.write_header_to_file = original
        check_exit(forward, path, 3, what, expected)

    refused("experts", lambda w: w.add_uint32("llama.expert_count", 8), "llama.expert_count")
    refused("an unknown key", lambda w: w.add_float32("llama.logit_scale", 0.5), "llama.logit_scale")
    refused("an unknown scaling", lambda w: w.add_string("llama.rope.scaling.type", "su"), "llama.rope.scaling.type")
    refused("part of a head rotated", lambda w: w.add_uint32("llama.rope.dimension_count", 8), "llama.rope.dimension_count")
    refused("other widths of values", lambda w: w.add_uint32("llama.attention.value_length_mla", 8), "value_length_mla")
    refused("a tensor too many", lambda w: w.add_tensor("blk.0.attn_gate.weight", numpy.ones(4, numpy.float32)), "attn_gate")
    for name in ("two", "none"):
        (folder / name).mkdir()
    write_gguf(folder / "two" / "a.gguf", "llama", reference, "F32")
    shutil.copy(folder / "two" / "a.gguf", folder / "two" / "b.gguf")
    check_exit(forward, folder / "two", 3, "two files of weights", "give the path")
    check_exit(forward, folder / "none", 3, "an empty folder", "config.json")
    check_exit(forward, folder / "nowhere.gguf", 4, "no file", "nowhere.gguf")
    text = folder / "notes.bin"
    text.write_text("These are notes about a model, which are longer than any header that we look at here.")
    t.LlamaConfig().save_pretrained(folder)
    check_exit(forward, text, 3, "a file of no format", "safetensors")


def check_exit(forward, path, code, what, expected):
    (forward.folder / "request.json").write_text('{"sequences": [[1]]}')
    result = subprocess.run([forward.binary, path, forward.folder / "request.json", forward.folder / "out.safetensors"],
                            capture_output=True, text=True)
    print(f"{what}: {result.stderr.strip()}")
    if result.returncode != code or expected not in result.stderr or result.stderr.count("\n") != 1:
        sys.exit(f"FAILED {what}: exit {result.returncode}, expected {code} and a line with {expected}")


def decoder():
    """tok512.bin: the longest token's length, then score, length and bytes of each."""
    data, at, pieces = (DATA / "tok512.bin").read_bytes(), 4, []
    while at < len(data):
        _, size = struct.unpack_from("<fi", data, at)
        pieces.append(data[at + 8:at + 8 + size])
        at += 8 + size
    return lambda ids: b"".join(pieces[i] for i in ids if i > 2).decode().strip()


def stories_reference(path):
    """llama2.c's file read independently into `transformers`' model."""
    import transformers as t
    data = path.read_bytes()
    width, hidden, layers, heads, key_heads, vocabulary, context = struct.unpack("<7i", data[:28])
    numbers, at = numpy.frombuffer(data, numpy.float32, offset=28), 0

    def take(*shape):
        nonlocal at
        at += int(numpy.prod(shape))
        return torch.from_numpy(numbers[at - int(numpy.prod(shape)):at].reshape(shape).copy())

    keys = key_heads * (width // heads)
    apart = lambda w, h: w.reshape(h, -1, 2, width).transpose(1, 2).reshape(w.shape)
    parts = {"model.embed_tokens.weight": take(abs(vocabulary), width)}
    each = [("input_layernorm", (width,)), ("self_attn.q_proj", (width, width)), ("self_attn.k_proj", (keys, width)),
            ("self_attn.v_proj", (keys, width)), ("self_attn.o_proj", (width, width)), ("post_attention_layernorm", (width,)),
            ("mlp.gate_proj", (hidden, width)), ("mlp.down_proj", (width, hidden)), ("mlp.up_proj", (hidden, width))]
    for name, shape in each:
        for layer, tensor in enumerate(take(layers, *shape)):
            turned = {"self_attn.q_proj": heads, "self_attn.k_proj": key_heads}.get(name)
            parts[f"model.layers.{layer}.{name}.weight"] = apart(tensor, turned) if turned else tensor
    parts["model.norm.weight"] = take(width)
    config = t.LlamaConfig(hidden_size=width, intermediate_size=hidden, num_hidden_layers=layers, num_attention_heads=heads,
                           num_key_value_heads=key_heads, vocab_size=abs(vocabulary), max_position_embeddings=context,
                           rms_norm_eps=1e-5, tie_word_embeddings=True)
    reference = t.LlamaForCausalLM(config).eval()
    reference.load_state_dict(parts | {"lm_head.weight": parts["model.embed_tokens.weight"]})
    return reference


def check_stories(forward, folder):
    source = DATA / "stories260K.bin"
    if not source.exists() or not (DATA / "tok512.bin").exists():
        print(f"skipped: {DATA} has no stories260K.bin with tok512.bin")
        return
    (folder / "stories").mkdir()
    shutil.copy(source, folder / "stories" / "stories260K.bin")
    ids = forward(folder / "stories", [[1]], greedy_steps=200)["greedy"].tolist()
    text = decoder()(ids)
    print("greedy:", text)
    if not text.startswith(STORIES):
        sys.exit(f"FAILED stories260K: the story should begin with {STORIES!r}")
    logits = forward(source, [ids])["logits"][0]
    with torch.no_grad():
        near("stories260K, logits", logits, stories_reference(source)(torch.tensor([ids])).logits[0])
    loss = torch.nn.functional.cross_entropy(logits[:-1], torch.tensor(ids[1:])).item()
    print(f"stories260K: {loss:.3f} nats a token on its own greedy story of {len(ids)} tokens")
    if not 0.05 < loss < 1.0:
        sys.exit("FAILED stories260K: the loss on its own story is not a trained model's")
    for size in (27, 28, 1000, source.stat().st_size - 4):
        (folder / "cut.bin").write_bytes(source.read_bytes()[:size])
        check_exit(forward, folder / "cut.bin", 3, f"stories260K cut at {size}", "cut.bin")


def main():
    binary = built("tests/forward_dump_main")
    need_reference("gguf", "safetensors.torch", "transformers")
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        forward = Forward(binary, folder)
        check_stories(forward, folder)
        check_refusals(forward, folder)
        check_formats(forward, folder)


if __name__ == "__main__":
    main()
