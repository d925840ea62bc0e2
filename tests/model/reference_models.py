"""Small models with random weights as `transformers` makes and saves them: every family, and of each family every branch
of its forward pass."""

import torch

VOCABULARY = 97
CONTEXT = 80


def sizes():
    """The keyword arguments that most configurations share: all heads alike, and two key heads for four queries."""
    small = dict(hidden_size=48, intermediate_size=80, num_hidden_layers=3, num_attention_heads=4,
                 max_position_embeddings=CONTEXT, vocab_size=VOCABULARY)
    return small, dict(small, num_key_value_heads=2)


def scalings():
    within = dict(original_max_position_embeddings=20)
    return dict(
        linear=dict(rope_type="linear", factor=2.0),
        dynamic=dict(rope_type="dynamic", factor=2.0),
        llama3=dict(rope_type="llama3", factor=4.0, low_freq_factor=1.0, high_freq_factor=4.0, **within),
        yarn=dict(rope_type="yarn", factor=4.0, **within),
        longrope=dict(type="longrope", short_factor=[1.0, 1.1, 1.3, 1.7, 2.0, 2.5], long_factor=[4.0] * 6))


def learned_positions(t):
    gpt2 = lambda **k: t.GPT2Config(vocab_size=VOCABULARY, n_positions=CONTEXT, **k)
    neo = dict(hidden_size=48, num_layers=3, num_heads=4, max_position_embeddings=CONTEXT, vocab_size=VOCABULARY)
    opt = dict(hidden_size=48, ffn_dim=80, num_hidden_layers=3, num_attention_heads=4, max_position_embeddings=CONTEXT,
               vocab_size=VOCABULARY, word_embed_proj_dim=48)
    return {
        "gpt2": gpt2(n_embd=64, n_head=4, n_layer=3),
        "gpt2, one head": gpt2(n_embd=48, n_head=1, n_layer=2),
        "gpt2, wide head": gpt2(n_embd=128, n_head=2, n_layer=2, n_inner=200),
        "gpt2, many heads, exact gelu": gpt2(n_embd=96, n_head=12, n_layer=4, activation_function="gelu"),
        "gpt2, untied, relu": gpt2(n_embd=32, n_head=4, n_layer=8, tie_word_embeddings=False, activation_function="relu"),
        "gpt_neo, window": t.GPTNeoConfig(attention_types=[[["global", "local", "local"], 1]], window_size=9, **neo),
        "gpt_neo, untied": t.GPTNeoConfig(attention_types=[[["global"], 3]], tie_word_embeddings=False, **neo),
        "opt": t.OPTConfig(**opt),
        "opt, untied, gelu": t.OPTConfig(tie_word_embeddings=False, activation_function="gelu", **opt),
    }


def parallel_residual(t):
    small, grouped = sizes()
    rope = scalings()
    return {
        "gpt_neox, half rotary": t.GPTNeoXConfig(rotary_pct=0.5, **small),
        "gpt_neox, in sequence, tied": t.GPTNeoXConfig(rotary_pct=1.0, use_parallel_residual=False,
                                                       tie_word_embeddings=True, **small),
        "gpt_neox, no attention biases": t.GPTNeoXConfig(rotary_pct=0.5, attention_bias=False, **small),
        "gpt_neox, linear scaling": t.GPTNeoXConfig(rotary_pct=0.5, rotary_emb_base=3e4, rope_scaling=rope["linear"],
                                                    **small),
        "phi, half rotary": t.PhiConfig(partial_rotary_factor=0.5, **small),
        "phi, grouped, tied": t.PhiConfig(tie_word_embeddings=True, **dict(grouped, hidden_size=64)),
        "phi, linear scaling": t.PhiConfig(partial_rotary_factor=0.5, rope_theta=3e4, rope_scaling=rope["linear"], **small),
    }


def llama_like(t):
    small, grouped = sizes()
    rope = scalings()
    llama = lambda **k: t.LlamaConfig(**dict(grouped, **k))
    return {
        "llama": t.LlamaConfig(**small),
        "llama, llama3 scaling": llama(rope_scaling=rope["llama3"], rope_theta=5e5),
        "llama, linear scaling, tied": llama(rope_scaling=rope["linear"], tie_word_embeddings=True),
        "llama, dynamic scaling": llama(rope_scaling=rope["dynamic"]),
        "llama, yarn, wide heads": llama(rope_scaling=rope["yarn"], head_dim=20),
        "llama, longrope": llama(rope_scaling=dict(rope["longrope"], factor=4.0)),
        "llama, longrope, original context": llama(rope_scaling=dict(rope["longrope"]), max_position_embeddings=2 * CONTEXT,
                                                   original_max_position_embeddings=CONTEXT),
        "llama, biases": llama(attention_bias=True, mlp_bias=True),
        "llama, one key head": llama(num_key_value_heads=1),
        "mistral": t.MistralConfig(sliding_window=None, **grouped),
        "mistral, window, tied": t.MistralConfig(sliding_window=17, tie_word_embeddings=True, **grouped),
        "qwen2, tied": t.Qwen2Config(tie_word_embeddings=True, **grouped),
        "qwen2, window above": t.Qwen2Config(use_sliding_window=True, sliding_window=11, max_window_layers=1, **grouped),
        "qwen3, tied": t.Qwen3Config(head_dim=16, tie_word_embeddings=True, **grouped),
        "qwen3, yarn, biases": t.Qwen3Config(head_dim=12, rope_scaling=rope["yarn"], attention_bias=True, **grouped),
        "phi3": t.Phi3Config(pad_token_id=0, **grouped),
        "phi3, window, tied": t.Phi3Config(pad_token_id=0, sliding_window=19, tie_word_embeddings=True, **grouped),
        "phi3, half rotary": t.Phi3Config(pad_token_id=0, partial_rotary_factor=0.5, **grouped),
        "phi3, longrope": t.Phi3Config(pad_token_id=0, **dict(grouped, max_position_embeddings=2 * CONTEXT),
                                       original_max_position_embeddings=CONTEXT, rope_scaling=rope["longrope"]),
        "olmo2": t.Olmo2Config(**grouped),
        "olmo2, tied, biases": t.Olmo2Config(tie_word_embeddings=True, attention_bias=True, **small),
    }


def experts(t):
    small, grouped = sizes()
    sparse = dict(num_experts=6, num_experts_per_tok=3, moe_intermediate_size=24)
    shared = dict(sparse, shared_expert_intermediate_size=40)
    return {
        "mixtral": t.MixtralConfig(num_local_experts=4, **grouped),
        "mixtral, window": t.MixtralConfig(num_local_experts=5, num_experts_per_tok=3, sliding_window=17,
                                            tie_word_embeddings=True, **grouped),
        "qwen2_moe, one dense layer": t.Qwen2MoeConfig(mlp_only_layers=[1], **shared, **grouped),
        "qwen2_moe, normalized": t.Qwen2MoeConfig(norm_topk_prob=True, qkv_bias=False, num_key_value_heads=4, **shared,
                                                   **small),
        "qwen2_moe, tied": t.Qwen2MoeConfig(tie_word_embeddings=True, **shared, **grouped),
        "qwen3_moe, every second layer": t.Qwen3MoeConfig(decoder_sparse_step=2, **sparse, **grouped),
        "qwen3_moe, tied": t.Qwen3MoeConfig(tie_word_embeddings=True, **sparse, **grouped),
        "qwen3_moe, normalized, window": t.Qwen3MoeConfig(norm_topk_prob=True, head_dim=16, use_sliding_window=True,
                                                          sliding_window=13, **sparse, **grouped),
    }


def gemma(t):
    sizes_of = dict(sizes()[1], head_dim=16, pad_token_id=0)
    windowed = dict(sizes_of, sliding_window=13, query_pre_attn_scalar=24)
    capped = dict(attn_logit_softcapping=2.0, final_logit_softcapping=3.0)
    # Global and local layers turn by different bases.
    turning = dict(rope_theta=5e4, rope_local_base_freq=300.0)
    images = dict(hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2, image_size=28,
                  patch_size=14)
    seven = dict(windowed, num_hidden_layers=7)
    text = dict(windowed, num_hidden_layers=4, rope_scaling=dict(rope_type="linear", factor=8.0),
                layer_types=["full_attention", "sliding_attention"] * 2)
    return {
        "gemma": t.GemmaConfig(**sizes_of),
        "gemma, one key head": t.GemmaConfig(**dict(sizes_of, num_key_value_heads=1)),
        "gemma, biases, untied": t.GemmaConfig(attention_bias=True, tie_word_embeddings=False, **sizes_of),
        "gemma, exact gelu": t.GemmaConfig(hidden_act="gelu", hidden_activation="gelu_pytorch_tanh", **sizes_of),
        "gemma2, soft-caps": t.Gemma2Config(**windowed, **capped),
        "gemma2, no soft-caps, untied": t.Gemma2Config(attn_logit_softcapping=None, final_logit_softcapping=None,
                                                       tie_word_embeddings=False, **windowed),
        "gemma3_text": t.Gemma3TextConfig(**seven, **turning),
        "gemma3_text, linear scaling, untied": t.Gemma3TextConfig(tie_word_embeddings=False, **text, **turning),
        "gemma3, with images": t.Gemma3Config(text_config=dict(seven, **turning), vision_config=images,
                                              mm_tokens_per_image=4, boi_token_index=90, eoi_token_index=91,
                                              image_token_index=92),
    }


def reference_models():
    """Configurations by name; the name begins with the family."""
    import transformers as t
    return {**learned_positions(t), **parallel_residual(t), **llama_like(t), **experts(t), **gemma(t)}


def random_model(config, seed):
    from transformers import AutoModelForCausalLM
    torch.manual_seed(seed)
    for part in (config, config.get_text_config()):
        part.initializer_range = part.init_std = 0.15
    reference = AutoModelForCausalLM.from_config(config, attn_implementation="eager").eval()
    for parameter in reference.parameters():  # norms and biases away from 1 and 0
        if parameter.dim() == 1:
            parameter.data += 0.1 * torch.randn(parameter.shape)
    return reference
