"""Forward passes of GPT-2 that keep the stream at every layer."""

import torch


class TransformersHiddenStates:
    """output_hidden_states of the model without its unembedding, inference mode. Its last state is after the final norm."""

    dtype = torch.float32

    def prepare(self, params, inputs):
        from transformers import GPT2Model

        self.model = GPT2Model.from_pretrained(params["model"], dtype=self.dtype).eval()
        self.ids = inputs["ids"][: params.get("rival_tokens")].unsqueeze(0)

    def run(self):
        with torch.inference_mode():
            self.states = self.model(self.ids, output_hidden_states=True, use_cache=False).hidden_states

    def answer(self):
        return {f"resid.{layer}": state[0].float().clone() for layer, state in enumerate(self.states[:-1])}


class TransformersHiddenStatesBfloat16(TransformersHiddenStates):
    dtype = torch.bfloat16


class TransformerLensCache:
    """run_with_cache restricted to the same streams, stopped before the unembedding; weights as they are."""

    def prepare(self, params, inputs):
        from transformer_lens import HookedTransformer, HookedTransformerConfig
        from transformer_lens.pretrained.weight_conversions import convert_gpt2_weights
        from transformers import GPT2LMHeadModel

        torch.set_grad_enabled(False)
        source = GPT2LMHeadModel.from_pretrained(params["model"])
        shape = source.config
        config = HookedTransformerConfig(
            n_layers=shape.n_layer, d_model=shape.n_embd, n_heads=shape.n_head, d_head=shape.n_embd // shape.n_head,
            d_mlp=4 * shape.n_embd, n_ctx=shape.n_positions, d_vocab=shape.vocab_size, act_fn="gelu_new",
            normalization_type="LN", eps=shape.layer_norm_epsilon,
        )
        self.model = HookedTransformer(config, move_to_device=False)
        self.model.load_state_dict(self.model.fill_missing_keys(convert_gpt2_weights(source, config)))
        self.ids = inputs["ids"].unsqueeze(0)
        self.layers = shape.n_layer

    def run(self):
        self.last, self.cache = self.model.run_with_cache(
            self.ids, stop_at_layer=self.layers, names_filter=lambda name: name.endswith("hook_resid_pre")
        )

    def answer(self):
        return {f"resid.{layer}": self.cache["resid_pre", layer][0].clone() for layer in range(self.layers)}
