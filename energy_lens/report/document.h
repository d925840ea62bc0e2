// A report before it takes a form: headings, prose, tables and pictures, built once from results.json and rendered to
// Markdown and HTML from the same content. Private to report/.
#pragma once
#include <string>
#include <variant>
#include <vector>

#include "energy_lens/io/file.h"

namespace energy_lens::report {

struct Paragraph {
  std::string text;
};

struct Notice {  // something the reader must not miss
  std::string text;
};

struct List {
  std::vector<std::string> items;
};

// With a title, a table of more than kOpenRows rows is shut in the page until the reader opens it.
struct Table {
  struct Column {
    std::string title;
    bool numeric = false;
  };
  std::vector<Column> columns;
  std::vector<std::vector<std::string>> rows;
  std::string title = "";
  std::string empty_text() const { return title.empty() ? "None." : title + ": none."; }
  static constexpr std::size_t kOpenRows = 12;
};

struct Picture {
  std::string svg;  // whole <svg> element; text inside is escaped already
  std::string caption;
};

// One text, its tokens coloured by the energy each had when it came.
struct TokenStrip {
  std::string text;
  std::vector<std::string> tokens;
  std::vector<std::vector<double>> energy;  // [L + 1][T - 1], NaN where undefined
  double high = 0.0;  // colours saturate here: the last layer's largest energy, so that early layers do not wash it out
};

using Block = std::variant<Paragraph, Notice, List, Table, Picture, TokenStrip>;

struct Section {
  std::string id, heading;
  std::vector<Block> blocks;
};

struct Document {
  std::string title;
  std::vector<Section> sections;
};

Document build_document(const Json& results);

}  // namespace energy_lens::report
