#!/usr/bin/env python3
"""Our forward pass against `transformers` on random models of every family, and against published activations of a trained one.
Exit 77 with the reason when nothing can be compared."""

import argparse
import base64
import copy
import json
import pathlib
import re
import subprocess
import sys
import tempfile

import torch

from reference_models import random_model, reference_models

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))
from scripts import built, need_reference  # noqa: E402

DATA = ROOT.parent / "shared" / "data"
TOLERANCE = 5e-5
LENGTHS = (70, 13, 1, 64, 65)
GREEDY, GREEDY_PROMPT = 64, 6


class Forward:
    """Drives the forward_dump_main program."""

    def __init__(self, binary, folder):
        self.binary, self.folder = binary, pathlib.Path(folder)

    def __call__(self, model, sequences, sites=(), **more):
        from safetensors.torch import load_file
        request, out = self.folder / "request.json", self.folder / "out.safetensors"
        request.write_text(json.dumps({"sequences": sequences, "sites": list(sites), **more}))
        subprocess.run([self.binary, model, request, out], check=True)
        return load_file(out)


def difference(ours, theirs):
    return (ours.double() - theirs.double()).abs().max().item()


def random_ids(generator, count, vocabulary):
    return torch.randint(0, vocabulary, (count,), generator=generator).tolist()


FINAL_NORMS = ("ln_f", "final_layer_norm", "final_layernorm", "norm")


def final_norm(reference):
    """The one norm outside the blocks, whose names have numbers."""
    path = lambda name: name.split(".")
    norm, = [module for name, module in reference.named_modules()
             if path(name)[-1] in FINAL_NORMS and not any(part.isdigit() for part in path(name))]
    return norm


def streams_of(reference, sequence):
    """Logits, and hidden_states with the stream before the final norm as the last one."""
    entered = []
    hook = final_norm(reference).register_forward_pre_hook(lambda module, inputs: entered.append(inputs[0]))
    with torch.no_grad():
        theirs = reference(torch.tensor([sequence]), output_hidden_states=True)
    hook.remove()
    return theirs.logits[0], [stream[0] for stream in (*theirs.hidden_states[:-1], *entered)]


def compare(forward, folder, reference, generator):
    """Logits and every stream, in one padded batch and each sequence alone; a greedy continuation with a KV cache."""
    config = reference.config.get_text_config()
    sequences = [random_ids(generator, n, config.vocab_size) for n in LENGTHS]
    layers = config.num_hidden_layers
    sites = [f"blocks.{layer}.hook_resid_pre" for layer in range(layers)] + [f"blocks.{layers - 1}.hook_resid_post"]
    ours = forward(folder, sequences, sites, alone=True, greedy_steps=GREEDY,
                   greedy_prompt=GREEDY_PROMPT)
    largest = {"logits": 0.0, "streams": 0.0}
    for row, sequence in enumerate(sequences):
        logits, streams = streams_of(reference, sequence)
        for prefix, at in (("", row), (f"alone.{row}.", 0)):
            mine = lambda name: ours[prefix + name][at, :len(sequence)]
            largest["logits"] = max(largest["logits"], difference(mine("logits"), logits))
            for site, stream in zip(sites, streams, strict=True):
                largest["streams"] = max(largest["streams"], difference(mine(site), stream))
    return largest, ours["greedy"].tolist() == greedy(reference, sequences[0][:GREEDY_PROMPT])


def greedy(reference, ids):
    ids = list(ids)
    with torch.no_grad():
        for _ in range(GREEDY):
            ids.append(int(reference(torch.tensor([ids])).logits[0, -1].argmax()))
    return ids


def compare_half(forward, folder, reference, generator):
    """Relative errors of our bf16 logits and of the reference's own: the median over tokens, because a rounding that
    sends one token to another expert, in either model, changes that token as a whole; of several sequences, because it
    changes the tokens that attend to it too."""
    vocabulary = reference.config.get_text_config().vocab_size
    ids = [random_ids(generator, 40, vocabulary) for _ in range(8)]
    with torch.no_grad():
        exact = reference(torch.tensor(ids)).logits.double()
        theirs = copy.deepcopy(reference).to(torch.bfloat16)(torch.tensor(ids)).logits.double()
    some = exact.norm(dim=-1) > 0  # a padding token that stands first has none
    error = lambda logits: ((logits - exact)[some].norm(dim=-1) / exact[some].norm(dim=-1)).median().item()
    return error(forward(folder, ids, dtype="bfloat16")["logits"].double()), error(theirs)


def in_newer_form(config):
    """config.json with all that it says of rotary positions in rope_parameters, as transformers 5 writes it; None where
    it says nothing."""
    config = copy.deepcopy(config)
    text = config.get("text_config", config)
    bases = [text.pop(key) for key in ("rope_theta", "rotary_emb_base") if key in text]
    shares = [text.pop(key) for key in ("partial_rotary_factor", "rotary_pct") if key in text]
    if not bases:
        return None
    rope = {"rope_type": "default", "rope_theta": bases[0], **(text.pop("rope_scaling", None) or {})}
    rope["rope_type"] = rope.pop("type", rope["rope_type"])
    rope |= {"partial_rotary_factor": share for share in shares}
    if rope["rope_type"] == "longrope" and "original_max_position_embeddings" in text:
        rope["original_max_position_embeddings"] = text.pop("original_max_position_embeddings")
    if "rope_local_base_freq" in text:
        local = {"rope_type": "default", "rope_theta": text.pop("rope_local_base_freq")}
        rope = {"full_attention": rope, "sliding_attention": local}
    text["rope_parameters"] = rope
    return config


def same_bits_in_newer_form(forward, folder, generator, vocabulary):
    config = in_newer_form(json.loads((folder / "config.json").read_text()))
    if config is None:
        return True
    newer = folder.with_name(folder.name + "_newer")
    newer.mkdir()
    for file in folder.glob("model*"):
        (newer / file.name).symlink_to(file)
    (newer / "config.json").write_text(json.dumps(config))
    ids = random_ids(generator, 70, vocabulary)
    return torch.equal(forward(newer, [ids])["logits"], forward(folder, [ids])["logits"])


def problems(row):
    """What is wrong with a configuration's figures. Ours in bf16 keeps streams, norms, attention and logits in fp32,
    so it must be nearer to the fp32 logits than the reference's own bf16 model is."""
    if not max(row["logits"], row["streams"]) <= TOLERANCE:
        yield f"differs by more than {TOLERANCE}"
    if not row["greedy"]:
        yield "greedy continuations differ"
    if not row["newer_form"]:
        yield "config.json in transformers 5's form gives other bits"
    if not 0 < row["bf16"] <= row["reference_bf16"]:
        yield "bf16 is further from fp32 than the reference's"


def check_no_family_is_left_out():
    registry = (ROOT / "energy_lens/model/families/registry.cpp").read_text()
    registered = set(re.findall(r"(\w+)_family\(\)", registry))
    compared = {config.model_type for config in reference_models().values()}
    if registered != compared:
        sys.exit(f"FAILED: registered or compared, but not both: {sorted(registered ^ compared)}")


def compare_random_models(forward, folder, only):
    rows = []
    for index, (name, config) in enumerate(reference_models().items()):
        if not name.startswith(only):
            continue
        generator = torch.Generator().manual_seed(index)  # texts that do not depend on --only
        reference = random_model(config, index)
        path = folder / f"model{index}"
        # Every second one in shards, one without the head's prefix.
        saved = reference.transformer if name == "gpt2, one head" else reference
        saved.save_pretrained(path, max_shard_size="60KB" if index % 2 else "5GB")
        largest, same = compare(forward, path, reference, generator)
        ours, theirs = compare_half(forward, path, reference, generator)
        newer = same_bits_in_newer_form(forward, path, generator, reference.config.get_text_config().vocab_size)
        row = {"family": config.model_type, "configuration": name, **largest, "greedy": same, "bf16": ours,
               "reference_bf16": theirs, "newer_form": newer}
        rows.append(row)
        row["problems"] = list(problems(row))
        print(f"{name}: logits {row['logits']:.1e}, streams {row['streams']:.1e}, {GREEDY} greedy tokens "
              f"{'the same' if same else 'DIFFER'}, bf16 {ours:.1e} (reference's {theirs:.1e})", flush=True)
    return rows


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
    source = json.loads((DATA / names[0]).read_text())
    write_nano_sort(source, folder / "nano")
    partials = json.loads((DATA / names[1]).read_text())
    ids = array(partials["idx"])
    heads, block = lambda t: t.permute(0, 2, 1, 3), "blocks.0."
    expected = {"hook_embed": array(partials["tok_emb"]), "hook_pos_embed": array(partials["pos_emb"]),
                block + "hook_resid_pre": array(partials["x"]),
                block + "attn.hook_q": heads(array(partials["q"])), block + "attn.hook_k": heads(array(partials["k"])),
                block + "attn.hook_v": heads(array(partials["v"])), block + "attn.hook_pattern": array(partials["attSm"]),
                block + "attn.hook_z": array(partials["y"]).reshape(3, 11, 3, 16),
                block + "hook_attn_out": array(partials["yProj"]), block + "hook_resid_mid": array(partials["attnResid"]),
                block + "mlp.hook_post": array(partials["gelu"]), block + "hook_mlp_out": array(partials["mlp"]),
                block + "hook_resid_post": array(partials["mlpResid"]), "blocks.1.hook_resid_pre": array(partials["block0"]),
                "blocks.1.hook_resid_post": array(partials["block1"]), "blocks.2.hook_resid_post": array(partials["block2"])}
    normalized = "ln_final.hook_normalized"
    ours = forward(folder / "nano", ids.tolist(), [*expected, normalized])
    largest = max(difference(ours[site], values) for site, values in expected.items())
    gain, offset = array(source["transformer.ln_f.weight"]), array(source["transformer.ln_f.bias"])
    largest = max(largest, difference(ours[normalized] * gain + offset, array(partials["ln_f"])))
    largest = max(largest, difference(ours["logits"], array(partials["lm_head"])))
    print(f"published activations of a trained model: {len(expected) + 1} sites and logits, {largest:.1e}")
    if not largest <= 1e-4:
        sys.exit("FAILED: published activations")


def report(path, rows):
    import transformers
    path.write_text(json.dumps({"transformers": transformers.__version__, "torch": torch.__version__,
                                "tolerance": TOLERANCE, "lengths": LENGTHS, "greedy_tokens": GREEDY, "rows": rows}))


def main():
    binary = built("tests/forward_dump_main")
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default="", help="configurations whose name begins so")
    parser.add_argument("--json", type=pathlib.Path, help="file for the figures")
    arguments = parser.parse_args()
    need_reference("safetensors.torch", "transformers")
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        forward = Forward(binary, folder)
        if not arguments.only:
            check_no_family_is_left_out()
            published_activations(forward, folder)
        rows = compare_random_models(forward, folder, arguments.only)
    if arguments.json:
        report(arguments.json, rows)
    failed = [f"{row['configuration']}: {', '.join(row['problems'])}" for row in rows if row["problems"]]
    if failed:
        sys.exit("FAILED\n" + "\n".join(failed))


if __name__ == "__main__":
    main()
