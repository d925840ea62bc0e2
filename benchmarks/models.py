"""Model folders that the rows share, made once under build/bench/models with drawn weights."""

import pathlib

# GPT-2 small's shape: 12 layers, width 768, 50,257 tokens.
GPT2_SMALL = pathlib.Path(__file__).resolve().parent.parent / "build/bench/models/gpt2-small-drawn"


def make_gpt2_small():
    if not (GPT2_SMALL / "model.safetensors").exists():
        import torch
        from transformers import GPT2Config, GPT2LMHeadModel

        torch.manual_seed(0)
        GPT2LMHeadModel(GPT2Config()).save_pretrained(GPT2_SMALL)


def bfloat16_share(of):
    """How much less the rival does in bf16: `of` times less where its product is emulated (minutes a run), else 1.

    It then reads the first 1/of of the tokens, which is to its advantage: attention makes later tokens dearer.
    """
    flags = processor_flags()
    return 1 if flags is None or "avx512_bf16" in flags or "amx_bf16" in flags else of


def demanded(with_amx, without):
    """The ratio demanded of a bf16 row on this processor."""
    return with_amx if "amx_bf16" in (processor_flags() or "") else without


def processor_flags():
    """What /proc/cpuinfo says, or None where there is no such file."""
    try:
        return pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return None


def tokens(count, length, vocabulary=50257):
    import torch

    return torch.randint(vocabulary, (count, length), generator=torch.Generator().manual_seed(1))
