#include "energy_lens/report/document.h"
#include "energy_lens/report/format.h"
#include "energy_lens/report/report.h"

namespace energy_lens {
namespace {

using namespace report;

void add_cell(std::string& line, const std::string& text) {
  line.append(" ").append(escape_markdown(text)).append(" |");
}

struct MarkdownBlock {
  std::string operator()(const Paragraph& p) const { return escape_markdown(p.text) + "\n\n"; }
  std::string operator()(const Notice& n) const { return "> **Note:** " + escape_markdown(n.text) + "\n\n"; }
  std::string operator()(const List& list) const {
    std::string text;
    for (const std::string& item : list.items) text += "- " + escape_markdown(item) + "\n";
    return text + "\n";
  }
  std::string operator()(const Picture& p) const {
    return "*Picture in report.html: " + escape_markdown(p.caption) + "*\n\n";
  }
  std::string operator()(const TokenStrip& strip) const {
    Table table{{{"token", false}, {"energy, last layer (nats)", true}}, {}};
    for (std::size_t t = 1; t < strip.tokens.size(); ++t) {
      table.rows.push_back({strip.tokens[t], show(strip.energy.back()[t - 1], 3)});
    }
    return "**" + escape_markdown(strip.text) + "**\n\n" + (*this)(table);
  }
  std::string operator()(const Table& table) const {
    if (table.rows.empty()) return (*this)(Paragraph{table.empty_text()});
    const std::string title = table.title.empty() ? "" : "**" + escape_markdown(table.title) + "**\n\n";
    std::string head = "|", rule = "|", body;
    for (const Table::Column& column : table.columns) {
      add_cell(head, column.title);
      rule += column.numeric ? " ---: |" : " --- |";
    }
    for (const auto& row : table.rows) {
      body += "|";
      for (const std::string& cell : row) add_cell(body, cell);
      body += "\n";
    }
    return title + head + "\n" + rule + "\n" + body + "\n";
  }
};

}  // namespace

std::string render_markdown(const Json& results) {
  const Document document = build_document(results);
  std::string text = "# " + escape_markdown(document.title) + "\n\n";
  for (const Section& section : document.sections) {
    text += "## " + section.heading + "\n\n";
    for (const Block& block : section.blocks) text += std::visit(MarkdownBlock{}, block);
  }
  return text;
}

}  // namespace energy_lens
