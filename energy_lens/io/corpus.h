// Text collections: .jsonl ({"id"?, "stratum"?, "text"}), .txt (one document a line for texts, one a file in a folder).
#pragma once
#include <filesystem>
#include <string>
#include <vector>

namespace energy_lens {

struct Document {
  std::string id;       // as given, or "<file>:<line>"
  std::string stratum;  // as given, or ""
  std::string text;     // UTF-8, never empty
  std::string place;    // "<path>:<line>" where it begins
};

// A .jsonl file, a .txt file (blank lines separate documents), or a folder of both (sorted by name, not recursive).
// Errors: NotFound; BadInput naming file and line (not UTF-8, no "text", not an object, empty corpus).
std::vector<Document> read_corpus(const std::filesystem::path& path);

// One text a line (.txt; blank ones are none), or .jsonl with "text". Errors: as read_corpus; BadInput naming file and
// line of an empty "text".
std::vector<Document> read_texts(const std::filesystem::path& path);

// SHA-256 over ids, strata and texts in order: names the data in a result file.
std::string corpus_digest(const std::vector<Document>& documents);

}  // namespace energy_lens
