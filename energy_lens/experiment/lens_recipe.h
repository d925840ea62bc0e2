// Texts in, energies per layer and token out: the job of `energy-lens lens`.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "energy_lens/core/progress.h"
#include "energy_lens/experiment/config_fields.h"
#include "energy_lens/experiment/model_choice.h"

namespace energy_lens {

struct LensConfig : ModelChoice {
  std::vector<std::string> text;
  std::string texts;                 // file
  std::string out;                   // folder, "" for none
  std::vector<std::int64_t> layers;  // empty: all, 0..L
  std::int64_t top_k = 10;
  bool bos = false;
  std::string lens = "logit";
  std::string gradients = "none";
  std::string kernel = "best";
  std::int64_t seed = 0;
  std::int64_t threads = 0;

  // See config_fields.h.
  template <class Config, class Visitor>
  static void visit_fields(Config& c, Visitor&& visit) {
    visit_model_fields(c, visit);
    visit("text", c.text, "one text; give --text again for another");
    visit("texts", c.texts, "file of texts: one a line, or .jsonl with \"text\"");
    visit("out", c.out, "folder for lens.json and arrays.safetensors (streams, and gradients where asked for)");
    visit("layers", c.layers, "layers, e.g. 0,6,12, or all");
    visit("top-k", c.top_k, "most likely tokens listed per position", 1, 1000);
    visit("bos", c.bos,
          "put the model's begin-of-text token first, as it also is where the tokenizer's own file asks for it");
    visit("lens", c.lens,
          "logit; or seed-compat: the prototype's wrong lens, without the final norm, for checking its numbers only");
    visit("gradients", c.gradients,
          "none; lens: of the lens energy, in closed form; full: also of the model's loss through the later blocks");
    visit("kernel", c.kernel,
          "best, rounded (bf16 rows with bf16 weights), generic (no vector instructions) or reference");
    visit("seed", c.seed, "written into the result; nothing here is drawn at random", 0, INT64_MAX);
    visit("threads", c.threads, "threads; 0 uses every core", 0, 1024);
  }
};

// Schema "energy-lens/lens/1", docs/lens.md. With config.out, also writes lens.json and arrays.safetensors there.
// Errors: BadInput naming the place of a text (fewer than two tokens, more than the context, not in the vocabulary),
// Usage (no text, a layer outside 0..L), Resource, Interrupted with nothing written.
Json run_lens(const LensConfig& config, Progress& progress = no_progress());

}  // namespace energy_lens
