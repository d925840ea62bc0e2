"""Forward passes of GPT-2 that keep the stream at every layer."""

import torch


class TransformersHiddenStates:
    """output_hidden_states of the model without its unembedding, inference mode. Its last state is after the final norm."""

    dtype = torch.float32

    def prepare(self, params, inputs):
        from transformers import GPT2Model

        self.model = GPT2Model.from_pretrained(params["model"], dtype=self.dtype).eval()
        self.ids = inputs["ids"].unsqueeze(0)

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
        from transformer_lens import HookedTransformer
        from transformers import GPT2LMHeadModel

        torch.set_grad_enabled(False)
        source = GPT2LMHeadModel.from_pretrained(params["model"])
        self.model = HookedTransformer.from_pretrained_no_processing("gpt2", hf_model=source, tokenizer=None)
        self.ids = inputs["ids"].unsqueeze(0)
        self.layers = self.model.cfg.n_layers

    def run(self):
        self.last, self.cache = self.model.run_with_cache(
            self.ids, stop_at_layer=self.layers, names_filter=lambda name: name.endswith("hook_resid_pre")
        )

    def answer(self):
        return {f"resid.{layer}": self.cache["resid_pre", layer][0].clone() for layer in range(self.layers)}
