"""Model shapes, checkpoints of zeros, and the most memory that a command ever held."""

import json
import math
import os
import struct
import subprocess
import tempfile


def gpt2(width, layers, heads):
    return dict(model_type="gpt2", n_embd=width, n_layer=layers, n_head=heads, n_positions=1024, vocab_size=50257)


def llama(width, layers, heads, keys, inner, vocabulary, **more):
    return dict(model_type="llama", hidden_size=width, num_hidden_layers=layers, num_attention_heads=heads,
                num_key_value_heads=keys, intermediate_size=inner, vocab_size=vocabulary, max_position_embeddings=8192,
                rope_theta=5e5, rms_norm_eps=1e-5, tie_word_embeddings=True, **more)


def write_config(folder, shape):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(shape))


def llama_tensors(shape):
    d, inner = shape["hidden_size"], shape["intermediate_size"]
    keys = d // shape["num_attention_heads"] * shape["num_key_value_heads"]
    yield "model.embed_tokens.weight", [shape["vocab_size"], d]
    yield "model.norm.weight", [d]
    for layer in range(shape["num_hidden_layers"]):
        for name, size in (("self_attn.q_proj", [d, d]), ("self_attn.k_proj", [keys, d]), ("self_attn.v_proj", [keys, d]),
                           ("self_attn.o_proj", [d, d]), ("mlp.gate_proj", [inner, d]), ("mlp.up_proj", [inner, d]),
                           ("mlp.down_proj", [d, inner]), ("input_layernorm", [d]), ("post_attention_layernorm", [d])):
            yield f"model.layers.{layer}.{name}.weight", size


def write_zeros(path, tensors, dtype="F32"):
    """A safetensors file of zeros, which takes no room on disk but as much memory as any other when mapped."""
    header, end = {}, 0
    for name, size in tensors:
        begin, end = end, end + {"F32": 4, "BF16": 2}[dtype] * math.prod(size)
        header[name] = dict(dtype=dtype, shape=size, data_offsets=[begin, end])
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + end)


def write_shards(folder, tensors, dtype, count):
    """The same in `count` files with an index."""
    tensors, files = list(tensors), {}
    for shard in range(count):
        name = f"model-{shard + 1:05}-of-{count:05}.safetensors"
        write_zeros(folder / name, tensors[shard::count], dtype)
        files |= {tensor: name for tensor, _ in tensors[shard::count]}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": files}))


def write_torch(path, tensors):
    """A torch.save file of zeros in fp32, made in a process of its own: what it holds would count as the most memory of
    the programs started from here."""
    child = os.fork()
    if child == 0:
        import torch
        torch.save({name: torch.zeros(size) for name, size in tensors}, path)
        os._exit(0)
    if os.waitpid(child, 0)[1] != 0:
        raise RuntimeError(f"cannot write {path}")


def write_llama2c(path, shape):
    """A llama2.c file of zeros."""
    d, heads = shape["hidden_size"], shape["num_attention_heads"]
    context = shape["max_position_embeddings"]
    numbers = context * (d // heads) + sum(math.prod(size) for _, size in llama_tensors(shape))
    with open(path, "wb") as file:
        file.write(struct.pack("<7i", d, shape["intermediate_size"], shape["num_hidden_layers"], heads,
                               shape["num_key_value_heads"], shape["vocab_size"], context))
        file.truncate(28 + 4 * numbers)


GGUF_NAMES = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "self_attn.q_proj": "attn_q",
              "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
              "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
              "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm"}


def gguf_name(name):
    stem = name.removesuffix(".weight")
    if stem in GGUF_NAMES:
        return GGUF_NAMES[stem] + ".weight"
    layer, _, rest = stem.removeprefix("model.layers.").partition(".")
    return f"blk.{layer}.{GGUF_NAMES[rest]}.weight"


def gguf_text(text):
    return struct.pack("<Q", len(text)) + text.encode()


def write_gguf(path, shape):
    """A GGUF file of zeros in fp32."""
    heads = shape["num_attention_heads"]
    sizes = {"embedding_length": shape["hidden_size"], "feed_forward_length": shape["intermediate_size"],
             "block_count": shape["num_hidden_layers"], "attention.head_count": heads,
             "attention.head_count_kv": shape["num_key_value_heads"], "context_length": shape["max_position_embeddings"],
             "rope.dimension_count": shape["hidden_size"] // heads}
    numbers = {"attention.layer_norm_rms_epsilon": shape["rms_norm_eps"], "rope.freq_base": shape["rope_theta"]}
    keys = [gguf_text("general.architecture") + struct.pack("<I", 8) + gguf_text("llama")]
    keys += [gguf_text("llama." + name) + struct.pack("<II", 4, value) for name, value in sizes.items()]
    keys += [gguf_text("llama." + name) + struct.pack("<If", 6, value) for name, value in numbers.items()]
    tensors, end = [], 0
    for name, size in llama_tensors(shape):
        tensors.append(gguf_text(gguf_name(name)) + struct.pack("<I", len(size)) +
                       b"".join(struct.pack("<Q", n) for n in reversed(size)) + struct.pack("<IQ", 0, end))
        end += (4 * math.prod(size) + 31) // 32 * 32
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(keys)) + b"".join(keys) + b"".join(tensors)
    with open(path, "wb") as file:
        file.write(head)
        file.truncate((len(head) + 31) // 32 * 32 + end)


def run_measured(command):
    """(standard output, most bytes ever held). Raises with the command's own words where it fails."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        child = subprocess.Popen([str(part) for part in command], stdout=out, stderr=errors)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0), errors.seek(0)
        if child.returncode != 0:
            raise RuntimeError(f"{command}: exit {child.returncode}: {errors.read().decode()}")
        return out.read().decode(), usage.ru_maxrss * 1024
