#include "energy_lens/experiment/study_config.h"

#include "energy_lens/core/error.h"

namespace energy_lens {

void check_config(const StudyConfig& config) {
  check_ranges("study", config);
  check_model_fields("study", config);
  if (config.corpus.empty()) {
    fail(ErrorKind::Usage, "study", "--corpus is missing, expected a .jsonl or .txt file or a folder of them");
  }
  if (config.active > config.atoms) fail(ErrorKind::Usage, "study", "--active is larger than --atoms");
}

const std::vector<std::string>& default_texts() {
  static const std::vector<std::string> texts = {
      R"(The regex \d+ matches numbers in text strings effectively.)",
      R"(def parse_data(x): return x.strip().split(',') if x else [])",
      "The quick brown fox jumps over the lazy sleeping dog.",
      "The derivative of x squared equals two times x by power rule.",
      "Neural networks use backpropagation to optimize loss functions.",
  };
  return texts;
}

}  // namespace energy_lens
