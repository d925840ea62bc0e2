// A study of the demo model that runs in seconds: synthetic documents, short windows, a small dictionary.
#pragma once
#include <unistd.h>

#include <filesystem>
#include <string>

#include "energy_lens/core/philox.h"
#include "energy_lens/experiment/study_config.h"

namespace energy_lens::testing {

// Sentences of a small random grammar, so that documents differ and still repeat themselves.
inline std::string synthetic_document(std::uint64_t index) {
  static const char* const nouns[] = {"value", "list", "name", "file", "object", "string", "key", "type"};
  static const char* const verbs[] = {"returns", "reads", "writes", "holds", "makes", "takes"};
  Philox random(11, "synthetic", index);
  std::string text;
  for (int sentence = 0; sentence < 14; ++sentence) {
    text += std::string(sentence ? " " : "") + "The " + nouns[random.below(8)] + " " + verbs[random.below(6)] + " a " +
            nouns[random.below(8)] + (random.below(2) ? " of the " + std::string(nouns[random.below(8)]) : "") + ".";
  }
  return text;
}

// A folder with corpus.jsonl, gone with the object.
class StudyFolder {
 public:
  StudyFolder() {
    static int count = 0;
    path_ = std::filesystem::temp_directory_path() /
            ("el_study_" + std::to_string(::getpid()) + "_" + std::to_string(count++));
    std::string lines;
    for (std::uint64_t i = 0; i < 140; ++i) {
      lines +=
          Json{{"id", "doc" + std::to_string(i)}, {"stratum", i % 2 ? "odd" : "even"}, {"text", synthetic_document(i)}}
              .dump() +
          "\n";
    }
    for (const char* id : {"a copy", "another copy"}) {
      lines += Json{{"id", id}, {"stratum", "odd"}, {"text", synthetic_document(0)}}.dump() + "\n";
    }
    const std::string changed = "One" + synthetic_document(1).substr(3);
    lines += Json{{"id", "nearly a copy"}, {"stratum", "odd"}, {"text", changed}}.dump() + "\n";
    write_file(path_ / "corpus.jsonl", lines);
  }
  ~StudyFolder() { std::filesystem::remove_all(path_); }
  StudyFolder(const StudyFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

  StudyConfig config(const std::string& out) const {
    StudyConfig c;
    c.model = EL_SOURCE_DIR "/models/demo";
    c.corpus = (path_ / "corpus.jsonl").string();
    c.out = (path_ / out).string();
    c.layers = {8, 12};
    c.window = 48;
    c.documents = 130;
    c.atoms = 24;
    c.active = 4;
    c.iterations = 2;
    c.permutations = 199;
    c.shifts = 99;
    c.bootstrap = 100;
    c.edited_features = 2;
    c.edited_documents = 4;
    c.prompts = 12;
    c.cycle_window = 8;
    c.cycle_steps = 40;
    return c;
  }

 private:
  std::filesystem::path path_;
};

}  // namespace energy_lens::testing
