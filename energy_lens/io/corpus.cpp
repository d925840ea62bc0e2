#include "energy_lens/io/corpus.h"

#include <algorithm>

#include "energy_lens/core/error.h"
#include "energy_lens/io/file.h"
#include "energy_lens/io/json_check.h"

namespace energy_lens {
namespace {

namespace fs = std::filesystem;

std::string place_of(const fs::path& path, std::size_t line) { return path.string() + ":" + std::to_string(line); }

std::vector<std::string> lines_of(const fs::path& path) {
  const std::string content = read_file(path);
  std::vector<std::string> lines;
  std::size_t begin = 0;
  while (begin < content.size()) {
    const std::size_t end = std::min(content.find('\n', begin), content.size());
    lines.push_back(content.substr(begin, end - begin));
    if (!is_utf8(lines.back())) {
      fail(ErrorKind::BadInput, "read_corpus",
           "got " + place_of(path, lines.size()) +
               " with bytes that are not UTF-8, expected UTF-8; convert the file, for example with iconv -f latin1 -t "
               "utf-8");
    }
    if (!lines.back().empty() && lines.back().back() == '\r') lines.back().pop_back();
    begin = end + 1;
  }
  return lines;
}

std::string string_field(const Json& json, const char* key, const std::string& where, const std::string& fallback) {
  if (!json.contains(key)) return fallback;
  if (json.at(key).is_number_integer()) return json.at(key).dump();
  if (!json.at(key).is_string()) {
    fail(ErrorKind::BadInput, "read_corpus", where + ": \"" + key + "\" is not a string");
  }
  return json.at(key).get<std::string>();
}

// name: the id of a document without one; a file's folder is no part of it, so a moved corpus gives the same numbers.
Document parse_line(const std::string& line, const std::string& where, const std::string& name) {
  const Json json = parse_json(line, where);
  if (!json.is_object() || !json.contains("text")) {
    fail(ErrorKind::BadInput, "read_corpus", where + ": expected an object with \"text\"");
  }
  return {string_field(json, "id", where, name), string_field(json, "stratum", where, ""),
          string_field(json, "text", where, ""), where};
}

bool is_blank(const std::string& text) { return text.find_first_not_of(" \t") == std::string::npos; }

// Documents without text are among them.
void append_jsonl(const fs::path& path, std::vector<Document>& documents) {
  std::size_t number = 0;
  for (const std::string& line : lines_of(path)) {
    ++number;
    if (is_blank(line)) continue;
    documents.push_back(parse_line(line, place_of(path, number), place_of(path.filename(), number)));
  }
}

// Blank lines separate documents.
void append_paragraphs(const fs::path& path, std::vector<Document>& documents) {
  std::string text;
  std::size_t number = 0, first = 1;
  const auto finish = [&] {
    if (!text.empty()) documents.push_back({place_of(path.filename(), first), "", text, place_of(path, first)});
    text.clear();
  };
  for (const std::string& line : lines_of(path)) {
    ++number;
    if (line.empty()) {
      finish();
      continue;
    }
    if (text.empty()) first = number;
    text += (text.empty() ? "" : "\n") + line;
  }
  finish();
}

void append_file(const fs::path& path, std::vector<Document>& documents) {
  if (path.extension() == ".jsonl") {
    append_jsonl(path, documents);
  } else if (path.extension() == ".txt") {
    append_paragraphs(path, documents);
  } else {
    fail(ErrorKind::BadInput, "read_corpus",
         path.string() + " got extension '" + path.extension().string() + "', expected .jsonl or .txt");
  }
}

void append_folder(const fs::path& folder, std::vector<Document>& documents) {
  std::vector<fs::path> paths;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const fs::path extension = entry.path().extension();
    if (entry.is_regular_file() && (extension == ".jsonl" || extension == ".txt")) paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  for (const fs::path& path : paths) append_file(path, documents);
}

// Left out, it would move the numbers of those behind it.
void refuse_textless(const std::vector<Document>& documents) {
  for (const Document& document : documents) {
    if (!is_blank(document.text)) continue;
    fail(ErrorKind::BadInput, "read_texts",
         "got an empty \"text\" in " + document.place + ", expected at least a word; fill or delete the line");
  }
}

void refuse_empty(const std::vector<Document>& documents, const fs::path& path) {
  if (documents.empty()) fail(ErrorKind::BadInput, "read_corpus", path.string() + " holds no text");
}

}  // namespace

std::vector<Document> read_corpus(const fs::path& path) {
  std::vector<Document> documents;
  std::error_code error;
  if (fs::is_directory(path, error)) {
    append_folder(path, documents);
  } else {
    append_file(path, documents);
  }
  std::erase_if(documents, [](const Document& document) { return document.text.empty(); });
  refuse_empty(documents, path);
  return documents;
}

std::vector<Document> read_texts(const fs::path& path) {
  std::vector<Document> documents;
  if (path.extension() == ".jsonl") {
    append_jsonl(path, documents);
    refuse_textless(documents);
  } else {
    std::size_t number = 0;
    for (std::string& line : lines_of(path)) {
      ++number;
      if (is_blank(line)) continue;
      documents.push_back({place_of(path.filename(), number), "", std::move(line), place_of(path, number)});
    }
  }
  refuse_empty(documents, path);
  return documents;
}

std::string corpus_digest(const std::vector<Document>& documents) {
  // Lengths make the joined text unambiguous.
  std::string joined;
  for (const Document& document : documents) {
    for (const std::string* part : {&document.id, &document.stratum, &document.text}) {
      joined += std::to_string(part->size()) + ":" + *part;
    }
  }
  return sha256_hex(joined);
}

}  // namespace energy_lens
