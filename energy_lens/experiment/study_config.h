// The parameters of a study, listed once: the command line, --config files, --help and results.json derive from
// visit_fields. To add a parameter, add a member and one line there.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "energy_lens/experiment/config_fields.h"
#include "energy_lens/experiment/model_choice.h"
#include "energy_lens/stats/bootstrap.h"

namespace energy_lens {

struct StudyConfig : ModelChoice {
  std::vector<std::string> text;  // shown token by token; with `texts` also empty: the five built-in ones
  std::string texts;              // file
  std::string corpus;             // file or folder
  std::string out = "out/study";
  std::vector<std::int64_t> layers = {6, 8, 10};  // empty: all, 0..L
  std::int64_t seed = 0;
  std::int64_t threads = 0;  // 0: all cores
  std::int64_t window = 128;
  std::int64_t documents = 720;
  std::int64_t atoms = 512;
  std::int64_t active = 8;
  std::int64_t iterations = 8;
  std::int64_t permutations = 9999;
  std::int64_t shifts = 999;
  std::int64_t bootstrap = 1000;
  std::int64_t edited_features = 8;
  std::int64_t edited_documents = 24;
  std::int64_t prompts = 120;
  std::int64_t cycle_window = 24;
  std::int64_t cycle_steps = 160;

  BootstrapOptions bootstrap_options() const {
    return {.replicates = bootstrap, .seed = static_cast<std::uint64_t>(seed)};
  }

  // See config_fields.h.
  template <class Config, class Visitor>
  static void visit_fields(Config& c, Visitor&& visit) {
    visit_model_fields(c, visit);
    visit("text", c.text, "one text to show token by token; give --text again for another");
    visit("texts", c.texts, "texts to show token by token: a file, one a line, or .jsonl with \"text\"");
    visit("corpus", c.corpus, "corpus for all statistics: .jsonl, .txt, or a folder of them");
    visit("out", c.out,
          "folder for results.json, arrays.safetensors, report.md and report.html; a study that was stopped goes on "
          "from OUT.unfinished");
    visit("layers", c.layers, "layers whose stream (resid_pre) is decomposed, e.g. 6,8,10, or all");
    visit("seed", c.seed, "seed of every random choice", 0, INT64_MAX);
    visit("threads", c.threads, "threads; 0 uses every core", 0, 1024);
    visit("window", c.window, "tokens taken from each document", 16, 4096);
    visit("documents", c.documents, "documents used at most, chosen by digest", 6, 1000000);
    visit("atoms", c.atoms, "atoms of each dictionary", 2, 65536);
    visit("active", c.active, "atoms a token may use", 1, 256);
    visit("iterations", c.iterations, "passes of dictionary learning", 1, 1000);
    visit("permutations", c.permutations, "document permutations of the null", 99, 10000000);
    visit("shifts", c.shifts, "circular shifts of the secondary null", 99, 1000000);
    visit("bootstrap", c.bootstrap, "bootstrap draws over documents", 100, 1000000);
    visit("edited-features", c.edited_features, "features edited in the running model, per layer", 1, 65536);
    visit("edited-documents", c.edited_documents, "documents each edit is measured on", 2, 1000000);
    visit("prompts", c.prompts, "prompts decoded until they cycle", 4, 1000000);
    visit("cycle-window", c.cycle_window, "tokens the decoder sees in the cycle search", 2, 4096);
    visit("cycle-steps", c.cycle_steps, "decoding steps before a prompt counts as not cyclic", 2, 1000000);
  }
};

// Errors: Usage naming the parameter, its value and its range.
void check_config(const StudyConfig& config);

// The texts a study shows when none are given.
const std::vector<std::string>& default_texts();

}  // namespace energy_lens
