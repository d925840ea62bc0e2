#!/usr/bin/env python3
"""Our forward pass against `transformers` on random models of every family, and against published activations of a trained one.
Exit 77 with the reason when nothing can be compared."""

import argparse
import base64
import copy
import json
import pathlib
import subprocess
import sys
import tempfile

import torch

DATA = pathlib.Path(__file__).resolve().parents[3] / "shared" / "data"
TOLERANCE = 5e-5


def skip(reason):
    print("skipped:", reason)
    sys.exit(77)


class Forward:
    """Drives the forward_dump_main program."""

    def __init__(self, binary, folder):
        self.binary, self.folder = binary, pathlib.Path(folder)

    def __call__(self, model, sequences, sites=(), dtype="float32", greedy_steps=0):
        from safetensors.torch import load_file
        request, out = self.folder / "request.json", self.folder / "out.safetensors"
        request.write_text(json.dumps({"sequences": sequences, "sites": list(sites), "dtype": dtype,
                                       "greedy_steps": greedy_steps}))
        subprocess.run([self.binary, model, request, out], check=True)
        return load_file(out)


def worst(name, ours, theirs, bound):
    difference = (ours.double() - theirs.double()).abs().max().item()
    print(f"{name}: largest difference {difference:.2e}")
    if not difference <= bound:
        sys.exit(f"FAILED {name}: {difference} > {bound}")


def random_ids(generator, count, vocabulary):
    return torch.randint(0, vocabulary, (count,), generator=generator).tolist()


def compare(forward, folder, reference, name, generator):
    config = reference.config.get_text_config()
    layers, context = config.num_hidden_layers, config.max_position_embeddings
    lengths = [min(context, n) for n in (70, 13, 1, 64, 65)]
    sequences = [random_ids(generator, n, config.vocab_size) for n in lengths]
    sites = [f"blocks.{layer}.hook_resid_pre" for layer in range(layers)]
    padded = forward(folder, sequences, sites)
    for row, sequence in enumerate(sequences):
        with torch.no_grad():
            theirs = reference(torch.tensor([sequence]), output_hidden_states=True)
        length = len(sequence)
        # Each sequence alone, and the same rows of the padded batch.
        for kind, ours, at in (("batch", padded, row), ("alone", forward(folder, [sequence], sites), 0)):
            worst(f"{name}, {length} tokens, {kind}, logits", ours["logits"][at, :length], theirs.logits[0], TOLERANCE)
            for layer in range(layers):
                worst(f"{name}, {length} tokens, {kind}, layer {layer}", ours[sites[layer]][at, :length],
                      theirs.hidden_states[layer][0], TOLERANCE)


def compare_greedy(forward, folder, reference, name, generator):
    prompt = random_ids(generator, 6, reference.config.get_text_config().vocab_size)
    ours = forward(folder, [prompt], greedy_steps=64)["greedy"].tolist()
    theirs = list(prompt)
    with torch.no_grad():
        for _ in range(64):
            theirs.append(int(reference(torch.tensor([theirs])).logits[0, -1].argmax()))
    if ours != theirs:
        sys.exit(f"FAILED {name}: greedy continuations differ")
    print(f"{name}: 64 greedy tokens with a KV cache are the same")


def compare_half(forward, folder, reference, name, generator):
    """Ours keeps streams, norms and logits in fp32, so in the mean square it must be at least as near the fp32 logits as
    the reference's own bf16 model is."""
    ids = random_ids(generator, 40, reference.config.get_text_config().vocab_size)
    with torch.no_grad():
        exact = reference(torch.tensor([ids])).logits[0].double()
        theirs = copy.deepcopy(reference).to(torch.bfloat16)(torch.tensor([ids])).logits[0].double()
    error = lambda logits: ((logits - exact).square().mean().sqrt() / exact.square().mean().sqrt()).item()
    ours = error(forward(folder, [ids], dtype="bfloat16")["logits"][0].double())
    print(f"{name}: bf16 relative error {ours:.2e}, the reference's {error(theirs):.2e}")
    if not 0 < ours <= error(theirs):
        sys.exit(f"FAILED {name}: bf16 is further from fp32 than the reference's")


def families():
    """Every family's small configurations, each taking another branch of the forward pass."""
    import transformers as t
    small = dict(hidden_size=48, intermediate_size=80, num_hidden_layers=3, num_attention_heads=4,
                 max_position_embeddings=80, vocab_size=97)
    grouped = dict(small, num_key_value_heads=2)
    gpt2 = lambda **k: t.GPT2Config(vocab_size=97, n_positions=80, **k)
    neo = dict(hidden_size=48, num_layers=3, num_heads=4, max_position_embeddings=80, vocab_size=97)
    gemma = dict(grouped, head_dim=16, pad_token_id=0)
    llama3 = dict(rope_type="llama3", factor=4.0, low_freq_factor=1.0, high_freq_factor=4.0,
                  original_max_position_embeddings=20)
    yarn = dict(rope_type="yarn", factor=4.0, original_max_position_embeddings=20)
    opt = dict(hidden_size=48, ffn_dim=80, num_hidden_layers=3, num_attention_heads=4, max_position_embeddings=80,
               vocab_size=97, word_embed_proj_dim=48)
    longrope = dict(type="longrope", short_factor=[1.0, 1.1, 1.3, 1.7, 2.0, 2.5], long_factor=[4.0] * 6)
    return {
        "gpt2": gpt2(n_embd=64, n_head=4, n_layer=3), "gpt2, one head": gpt2(n_embd=48, n_head=1, n_layer=2),
        "gpt2, wide head": gpt2(n_embd=128, n_head=2, n_layer=2, n_inner=200),
        "gpt2, many heads": gpt2(n_embd=96, n_head=12, n_layer=4, activation_function="gelu"),
        "gpt2, untied": gpt2(n_embd=32, n_head=4, n_layer=8, tie_word_embeddings=False, activation_function="relu"),
        "gpt_neo": t.GPTNeoConfig(attention_types=[[["global", "local", "local"], 1]], window_size=9, **neo),
        "gpt_neox": t.GPTNeoXConfig(rotary_pct=0.5, **small),
        "gpt_neox, in sequence": t.GPTNeoXConfig(rotary_pct=1.0, use_parallel_residual=False, tie_word_embeddings=True, **small),
        "opt": t.OPTConfig(**opt), "opt, untied": t.OPTConfig(tie_word_embeddings=False, **opt),
        "llama 2": t.LlamaConfig(**small), "llama 3": t.LlamaConfig(rope_scaling=llama3, rope_theta=5e5, **grouped),
        "llama, linear, tied": t.LlamaConfig(rope_scaling=dict(rope_type="linear", factor=2.0), tie_word_embeddings=True, **grouped),
        "llama, yarn, wide heads": t.LlamaConfig(rope_scaling=yarn, head_dim=20, **grouped),
        "mistral": t.MistralConfig(sliding_window=None, **grouped), "mistral, window": t.MistralConfig(sliding_window=17, **grouped),
        "qwen2": t.Qwen2Config(tie_word_embeddings=True, **grouped),
        "qwen2, window": t.Qwen2Config(use_sliding_window=True, sliding_window=11, max_window_layers=1, **grouped),
        "qwen3": t.Qwen3Config(head_dim=16, **grouped), "qwen3, yarn": t.Qwen3Config(head_dim=12, rope_scaling=yarn, **grouped),
        "gemma": t.GemmaConfig(**gemma), "gemma, one key head": t.GemmaConfig(**dict(gemma, num_key_value_heads=1)),
        "gemma2": t.Gemma2Config(sliding_window=13, query_pre_attn_scalar=24, attn_logit_softcapping=2.0,
                                 final_logit_softcapping=3.0, **gemma),
        "gemma3_text": t.Gemma3TextConfig(**dict(gemma, num_hidden_layers=7), sliding_window=13, query_pre_attn_scalar=24),
        "gemma3_text, linear": t.Gemma3TextConfig(**dict(gemma, num_hidden_layers=4), sliding_window=13,
                                                  rope_scaling=dict(rope_type="linear", factor=8.0),
                                                  layer_types=["full_attention", "sliding_attention"] * 2),
        "phi": t.PhiConfig(partial_rotary_factor=0.5, **small), "phi, grouped": t.PhiConfig(**dict(grouped, hidden_size=64)),
        "phi3": t.Phi3Config(pad_token_id=0, **grouped), "phi3, window": t.Phi3Config(pad_token_id=0, sliding_window=19, **grouped),
        "phi3, longrope": t.Phi3Config(pad_token_id=0, **dict(grouped, max_position_embeddings=160),
                                       original_max_position_embeddings=80, rope_scaling=longrope),
        "olmo2": t.Olmo2Config(**grouped), "olmo2, tied": t.Olmo2Config(tie_word_embeddings=True, **small),
    }


def random_model(config, seed):
    from transformers import AutoModelForCausalLM
    torch.manual_seed(seed)
    config.initializer_range = config.init_std = 0.15
    reference = AutoModelForCausalLM.from_config(config, attn_implementation="eager").eval()
    for parameter in reference.parameters():  # norms and biases away from 1 and 0
        if parameter.dim() == 1:
            parameter.data += 0.1 * torch.randn(parameter.shape)
    return reference


def random_models(forward, folder):
    generator = torch.Generator().manual_seed(1)
    for index, (name, config) in enumerate(families().items()):
        reference = random_model(config, index)
        path = folder / f"model{index}"
        # Every second one in shards, one without the head's prefix.
        saved = reference.transformer if name == "gpt2, one head" else reference
        saved.save_pretrained(path, max_shard_size="60KB" if index % 2 else "5GB")
        compare(forward, path, reference, name, generator)
        compare_greedy(forward, path, reference, name, generator)
        compare_half(forward, path, reference, name, generator)


def array(entry):
    raw = bytearray(base64.b64decode(entry["data"]))
    kind = torch.float32 if "float" in entry.get("dtype", "torch.float32") else torch.int64
    return torch.frombuffer(raw, dtype=kind).reshape(entry["shape"]).clone()


def write_nano_sort(source, folder):
    from safetensors.torch import save_file
    weights = {}
    for name, entry in source.items():
        if name == "config" or name.endswith(".attn.bias"):
            continue
        tensor = array(entry)
        is_linear = ".c_" in name and name.endswith(".weight")  # stored [out, in]
        weights[name] = tensor.t().contiguous() if is_linear else tensor
    folder.mkdir()
    save_file(weights, folder / "model.safetensors")
    config = source["config"]
    (folder / "config.json").write_text(json.dumps({
        "model_type": "gpt2", "n_layer": config["n_layer"], "n_head": config["n_head"], "n_embd": config["n_embd"],
        "n_positions": config["block_size"], "vocab_size": config["vocab_size"], "tie_word_embeddings": False,
        "layer_norm_epsilon": 1e-5, "activation_function": "gelu_new"}))


def published_activations(forward, folder):
    names = ("gpt-nano-sort-model.json", "gpt-nano-sort-t0-partials.json")
    if not all((DATA / name).exists() for name in names):
        print(f"skipped: {DATA} has no reference activations")
        return
    write_nano_sort(json.loads((DATA / names[0]).read_text()), folder / "nano")
    partials = json.loads((DATA / names[1]).read_text())
    ids = array(partials["idx"])
    heads, block = lambda t: t.permute(0, 2, 1, 3), "blocks.0."
    expected = {"hook_embed": array(partials["tok_emb"]), block + "hook_resid_pre": array(partials["x"]),
                block + "attn.hook_q": heads(array(partials["q"])), block + "attn.hook_k": heads(array(partials["k"])),
                block + "attn.hook_v": heads(array(partials["v"])), block + "attn.hook_pattern": array(partials["attSm"]),
                block + "attn.hook_z": array(partials["y"]).reshape(3, 11, 3, 16),
                block + "hook_attn_out": array(partials["yProj"]), block + "hook_resid_mid": array(partials["attnResid"]),
                block + "mlp.hook_post": array(partials["gelu"]), block + "hook_mlp_out": array(partials["mlp"]),
                block + "hook_resid_post": array(partials["mlpResid"]), "blocks.1.hook_resid_pre": array(partials["block0"]),
                "blocks.1.hook_resid_post": array(partials["block1"]), "blocks.2.hook_resid_post": array(partials["block2"])}
    ours = forward(folder / "nano", ids.tolist(), expected)
    for site, values in expected.items():
        worst(f"nano-sort, {site}", ours[site], values, 1e-4)
    worst("nano-sort, logits", ours["logits"], array(partials["lm_head"]), 1e-4)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    binary = pathlib.Path(parser.parse_args().bin) / "tests" / "forward_dump_main"
    try:
        import safetensors.torch  # noqa: F401
        import transformers
    except ImportError as error:
        skip(f"no reference implementation: {error}")
    transformers.logging.set_verbosity_error()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        forward = Forward(binary, folder)
        published_activations(forward, folder)
        random_models(forward, folder)


if __name__ == "__main__":
    main()
