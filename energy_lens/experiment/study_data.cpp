#include "energy_lens/experiment/study_data.h"

#include <algorithm>

#include "energy_lens/core/error.h"

namespace energy_lens {
namespace {

// Chosen by digest, so that the choice neither follows the file's order nor changes when documents are added elsewhere.
std::vector<const Document*> in_digest_order(const std::vector<Document>& documents) {
  std::vector<std::pair<std::string, const Document*>> keyed;
  for (const Document& document : documents)
    keyed.emplace_back(sha256_hex(document.id + "\n" + document.text), &document);
  std::sort(keyed.begin(), keyed.end());
  std::vector<const Document*> ordered;
  for (const auto& item : keyed) ordered.push_back(item.second);
  return ordered;
}

void fill_windows(StudyData& data, const std::vector<Document>& documents, const StudyConfig& config,
                  Progress& progress) {
  progress.begin("tokenize the corpus", config.documents);
  for (const Document* document : in_digest_order(documents)) {
    if (static_cast<std::int64_t>(data.windows.size()) == config.documents) break;
    progress.check();
    std::vector<std::int64_t> ids = with_bos(*data.tokenizer, document->text);
    if (static_cast<std::int64_t>(ids.size()) < config.window) {
      ++data.documents_too_short;
      continue;
    }
    ids.resize(config.window);
    data.windows.push_back({document->id, document->stratum, split_of(document->id, config.seed), std::move(ids)});
    progress.advance(1);
  }
}

void check_windows(const StudyData& data, const StudyConfig& config) {
  for (const Split split : {Split::S, Split::A, Split::B}) {
    if (data.of(split).size() >= 2) continue;
    fail(ErrorKind::BadInput, "study",
         "got " + std::to_string(data.windows.size()) + " of " + std::to_string(data.documents_read) +
             " documents with at least " + std::to_string(config.window) +
             " tokens, expected at least two in each split; give a larger corpus or a smaller --window");
  }
}

}  // namespace

std::vector<const Window*> StudyData::of(Split split) const {
  std::vector<const Window*> chosen;
  for (const Window& window : windows) {
    if (window.split == split) chosen.push_back(&window);
  }
  return chosen;
}

StudyData load_study_data(const StudyConfig& config, Progress& progress) {
  progress.begin("load the model", 1);
  StudyData data;
  ChosenModel chosen =
      load_chosen({config.model, config.tokenizer, config.dtype, config.device, config.random_weights});
  data.model = std::move(chosen.model);
  data.tokenizer = std::move(chosen.tokenizer);
  const std::int64_t longest = data.model->config().n_ctx;
  if (config.window > longest) {
    fail(ErrorKind::Usage, "study",
         "--window got " + std::to_string(config.window) + ", the model's context holds " + std::to_string(longest));
  }
  data.first_position = data.tokenizer->bos_id() ? 1 : 0;
  if (config.texts.empty()) {
    data.texts = default_texts();
  } else {
    for (const Document& text : read_texts(config.texts)) data.texts.push_back(text.text);
  }
  const std::vector<Document> documents = read_corpus(config.corpus);
  data.documents_read = static_cast<std::int64_t>(documents.size());
  data.corpus_digest = corpus_digest(documents);
  fill_windows(data, documents, config, progress);
  check_windows(data, config);
  return data;
}

void check_layers(const StudyData& data, const StudyConfig& config) {
  const std::int64_t last = data.model->config().n_layers;
  for (const std::int64_t layer : config.layers) {
    if (layer >= 0 && layer <= last) continue;
    fail(ErrorKind::Usage, "study",
         "--layers got " + std::to_string(layer) + ", this model has 0 to " + std::to_string(last));
  }
}

std::vector<std::int64_t> with_bos(const Tokenizer& tokenizer, const std::string& text) {
  std::vector<std::int64_t> ids;
  if (tokenizer.bos_id()) ids.push_back(*tokenizer.bos_id());
  const Encoding encoding = tokenizer.encode(text);
  ids.insert(ids.end(), encoding.ids.begin(), encoding.ids.end());
  return ids;
}

std::vector<std::string> token_strings(const Tokenizer& tokenizer, const std::vector<std::int64_t>& ids) {
  std::vector<std::string> strings;
  for (const std::int64_t id : ids) strings.push_back(printable(tokenizer.token_bytes(id)));
  return strings;
}

}  // namespace energy_lens
