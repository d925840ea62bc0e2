#!/usr/bin/env python3
"""Keys that config.json leaves out are taken as the reference's configuration classes take them: each file without them
means the same as the file in which the reference has filled them in. Exit 77 with the reason when it cannot run."""

import copy
import json
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from scripts import built, need_reference  # noqa: E402

# Large enough for every default that is a number of heads or of layers; no default itself.
DECODER = dict(vocab_size=97, hidden_size=1024, intermediate_size=80, num_hidden_layers=31, num_attention_heads=64,
               max_position_embeddings=8192)
WITHOUT_INTERMEDIATE = {key: value for key, value in DECODER.items() if key != "intermediate_size"}
EXPERTS = dict(DECODER, num_experts=6, num_experts_per_tok=3, moe_intermediate_size=24)
SIZES = {
    "gpt2": dict(vocab_size=97, n_positions=80, n_embd=48, n_layer=3, n_head=4),
    "gpt_neo": dict(vocab_size=97, max_position_embeddings=80, hidden_size=48, num_layers=3, num_heads=4,
                    attention_types=[[["global", "local", "local"], 1]]),
    "opt": dict(WITHOUT_INTERMEDIATE, ffn_dim=80),
    "mixtral": dict(DECODER, num_local_experts=6, num_experts_per_tok=3),
    "qwen2_moe": dict(EXPERTS, shared_expert_intermediate_size=40),
    "qwen3_moe": EXPERTS,
}
# What brings other keys into play, and the nulls that files have.
CHANGES = [{}, dict(use_sliding_window=True), dict(use_sliding_window=True, sliding_window=None), dict(sliding_window=None),
           dict(sliding_window=7), dict(rope_scaling=None), dict(num_key_value_heads=None), dict(head_dim=None),
           dict(head_dim=12), dict(num_key_value_heads=2), dict(tie_word_embeddings=True), dict(tie_word_embeddings=False),
           dict(mlp_only_layers=None), dict(layer_types=None), dict(n_inner=None), dict(attn_logit_softcapping=None),
           dict(final_logit_softcapping=None), dict(rope_scaling=dict(rope_type="linear", factor=2.0)),
           dict(rope_scaling=dict(type="dynamic", factor=2.0)), dict(rope_scaling=dict(type="yarn", factor=4.0)),
           dict(hidden_activation="relu"), dict(hidden_act="relu"), dict(max_window_layers=2)]
# What we refuse of these, whatever the reference does; anything else that we refuse is a failure.
NO_WINDOW = [dict(sliding_window=None), dict(use_sliding_window=True, sliding_window=None)]
OTHER_HEADS = [dict(head_dim=12), dict(num_key_value_heads=2)]
REFUSED = {
    "qwen2_moe": [dict(use_sliding_window=True), dict(use_sliding_window=True, sliding_window=None)],
    "phi3": [dict(rope_scaling=dict(rope_type="linear", factor=2.0)), dict(rope_scaling=dict(type="dynamic", factor=2.0)),
             dict(rope_scaling=dict(type="yarn", factor=4.0))],
    "opt": OTHER_HEADS, "gpt_neox": OTHER_HEADS, "gemma2": NO_WINDOW, "gemma3": NO_WINDOW, "gemma3_text": NO_WINDOW,
}
# What files have beside these keys, of which nothing depends on.
BYSTANDERS = dict(_name_or_path="somewhere", torch_dtype="bfloat16", dtype="float16", transformers_version="9.9.9",
                  auto_map={"AutoConfig": "x.Y"}, use_cache=False, attention_dropout=0.0, bos_token_id=1,
                  eos_token_id=[1, 2], pad_token_id=None, initializer_range=0.5, pretraining_tp=1, unheard_of={"a": [1]})


def meanings(binary, folder, configs):
    """What our reader takes each configuration to mean: a dictionary, or the text of its refusal."""
    paths = [folder / str(index) for index in range(len(configs))]
    for path, config in zip(paths, configs):
        path.mkdir(exist_ok=True)
        (path / "config.json").write_text(json.dumps(config))
    done = subprocess.run([binary, *paths], capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert len(lines) == len(configs), f"{len(lines)} answers to {len(configs)} configurations"
    return [json.loads(line) if line.startswith("{") else line for line in lines]


def families(binary, folder):
    """Those that are registered, from the refusal of one that is not."""
    refusal, = meanings(binary, folder, [{"model_type": "unheard of"}])
    names = refusal.split("expected one of ")[1].split(" (")[0].split(", ")
    assert len(names) >= 18, names
    return names


def filled_in(family, config):
    """The configuration with all that the reference adds, or its refusal."""
    from transformers import AutoConfig
    values = {key: copy.deepcopy(value) for key, value in config.items() if key != "model_type"}
    try:
        return AutoConfig.for_model(family, **values).to_dict()
    except (KeyError, ValueError, TypeError) as error:
        return f"{type(error).__name__}: {error}"


def in_text_config(config):
    return {"model_type": "gemma3", "text_config": {**config, "model_type": "gemma3_text"}}


def check_family(binary, folder, family):
    sizes, wrap = SIZES.get(family, DECODER), in_text_config if family == "gemma3" else dict
    files = [wrap({"model_type": family, **sizes, **change}) for change in CHANGES]
    reference = [filled_in(family, file) for file in files]
    with_bystanders = wrap({"model_type": family, **sizes, **BYSTANDERS}) | BYSTANDERS
    read = meanings(binary, folder, [*files, *({} if isinstance(full, str) else full for full in reference), with_bystanders])
    both_accept = 0
    for change, full, ours, expected in zip(CHANGES, reference, read, read[len(files):]):
        refused = isinstance(ours, str)
        if refused != (change in REFUSED.get(family, [])) or refused and not ours.startswith("3 "):
            sys.exit(f"FAILED {family} with {change}: {ours}")
        if refused:
            print(f"  {family} with {change}: refused: {ours[2:150]}")
        elif isinstance(full, str):
            print(f"  {family} with {change}: read, and refused by the reference: {full[:100]}")
        elif ours != expected:
            differ = {key: (ours[key], expected[key]) for key in ours if ours[key] != expected[key]} if isinstance(
                expected, dict) else expected
            sys.exit(f"FAILED {family} with {change}: ours, and what the reference fills in:\n{str(differ)[:2000]}")
        else:
            both_accept += 1
    if read[-1] != read[0]:
        sys.exit(f"FAILED {family}: keys that mean nothing change what is read")
    print(f"{family}: {both_accept} of {len(CHANGES)} files mean what the reference fills in; the others are refused")


def main():
    binary = built("tests/config_dump_main")
    need_reference("transformers")
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for family in families(binary, folder):
            check_family(binary, folder, family)


if __name__ == "__main__":
    main()
