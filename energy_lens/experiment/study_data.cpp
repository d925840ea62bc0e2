#include "energy_lens/experiment/study_data.h"

#include <algorithm>
#include <set>
#include <span>

#include "energy_lens/core/error.h"
#include "energy_lens/experiment/near_copies.h"

namespace energy_lens {
namespace {

// Chosen by the text's digest, so that the choice neither follows names or the file's order nor changes when documents
// are added elsewhere.
std::vector<std::pair<std::string, const Document*>> in_digest_order(const std::vector<Document>& documents) {
  std::vector<std::pair<std::string, const Document*>> keyed;
  for (const Document& document : documents) keyed.emplace_back(sha256_hex(document.text), &document);
  std::stable_sort(keyed.begin(), keyed.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  return keyed;
}

void fill_windows(StudyData& data, const std::vector<Document>& documents, const StudyConfig& config,
                  Progress& progress) {
  progress.begin("tokenize the corpus", config.documents);
  // A window that comes again, as it was or nearly so, is no second observation.
  std::set<std::vector<std::int64_t>> seen;
  SeenShingles shingles;
  for (const auto& [digest, document] : in_digest_order(documents)) {
    if (static_cast<std::int64_t>(data.windows.size()) == config.documents) break;
    progress.check();
    std::vector<std::int64_t> ids = with_bos(*data.tokenizer, document->text);
    if (static_cast<std::int64_t>(ids.size()) < config.window) {
      ++data.documents_too_short;
      continue;
    }
    ids.resize(config.window);
    if (!seen.insert(ids).second) {
      ++data.documents_repeated;
      continue;
    }
    const auto own = std::span<const std::int64_t>(ids).subspan(static_cast<std::size_t>(data.first_position));
    if (shingles.mostly_seen(own)) {
      ++data.documents_similar;
      continue;
    }
    shingles.keep(own);
    const Split split = split_of(digest, static_cast<std::uint64_t>(config.seed));
    data.windows.push_back({document->id, document->stratum, split, std::move(ids)});
    progress.advance(1);
  }
}

void check_windows(const StudyData& data, const StudyConfig& config) {
  for (const Split split : {Split::S, Split::A, Split::B}) {
    if (data.of(split).size() >= 2) continue;
    fail(ErrorKind::BadInput, "study",
         "got " + std::to_string(data.windows.size()) + " of " + std::to_string(data.documents_read) +
             " documents with at least " + std::to_string(config.window) +
             " tokens that do not repeat each other, expected at least two in each split; give a larger corpus or a "
             "smaller --window");
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
  ChosenModel chosen = load_chosen(config);
  data.model = std::move(chosen.model);
  data.tokenizer = std::move(chosen.tokenizer);
  const std::int64_t longest = data.model->config().n_ctx;
  if (config.window > longest) {
    fail(ErrorKind::Usage, "study",
         "--window got " + std::to_string(config.window) + ", the model's context holds " + std::to_string(longest));
  }
  data.first_position = data.tokenizer->bos_id() ? 1 : 0;
  for (GivenText& given : given_texts(config.text, config.texts)) {
    check_text("study", given, with_bos(*data.tokenizer, given.text), *data.model);
    data.texts.push_back(std::move(given.text));
  }
  if (data.texts.empty()) data.texts = default_texts();
  const std::vector<Document> documents = read_corpus(config.corpus);
  data.documents_read = static_cast<std::int64_t>(documents.size());
  data.corpus_digest = corpus_digest(documents);
  fill_windows(data, documents, config, progress);
  check_windows(data, config);
  return data;
}

std::vector<GivenText> given_texts(const std::vector<std::string>& text, const std::string& file) {
  std::vector<GivenText> texts;
  for (std::size_t i = 0; i < text.size(); ++i) {
    texts.push_back({text[i], "--text " + std::to_string(i + 1) + " of " + std::to_string(text.size())});
    if (is_utf8(text[i])) continue;
    fail(ErrorKind::BadInput, "given_texts",
         "got " + texts.back().place + " with bytes that are not UTF-8, expected UTF-8 as in every result");
  }
  if (file.empty()) return texts;
  for (Document& document : read_texts(file)) texts.push_back({std::move(document.text), std::move(document.place)});
  return texts;
}

void check_text(const std::string& operation, const GivenText& given, const std::vector<std::int64_t>& ids,
                const Model& model) {
  if (ids.size() < 2) {
    fail(ErrorKind::BadInput, operation,
         "got fewer than two tokens from " + given.place +
             ", expected two or more, for each is scored by those before it; lengthen the text or leave it out");
  }
  for (const std::int64_t id : ids) {
    if (id < model.config().d_vocab) continue;
    fail(ErrorKind::BadInput, operation,
         "got from " + given.place + " the token id " + std::to_string(id) + ", expected 0 to " +
             std::to_string(model.config().d_vocab - 1) + ", as this model has; leave that token out of the text");
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
  for (const std::int64_t id : ids) {
    strings.push_back(id < tokenizer.vocab_size() ? printable(tokenizer.token_bytes(id))
                                                  : "[id " + std::to_string(id) + "]");
  }
  return strings;
}

std::string readable(const Tokenizer& tokenizer, const std::vector<std::int64_t>& ids) {
  if (std::ranges::all_of(ids, [&](std::int64_t id) { return id < tokenizer.vocab_size(); })) {
    return printable(tokenizer.decode(ids));
  }
  std::string text;
  for (const std::string& token : token_strings(tokenizer, ids)) text += token;
  return text;
}

}  // namespace energy_lens
