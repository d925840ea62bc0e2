#include <cmath>
#include <cstdio>

#include "energy_lens/report/document.h"
#include "energy_lens/report/format.h"
#include "energy_lens/report/plot.h"
#include "energy_lens/report/report.h"
#include "viewer_assets.h"

namespace energy_lens {
namespace {

using namespace report;

std::string shade(double value) {
  char text[16];
  std::snprintf(text, sizeof text, "%.3f", value);
  return text;
}

// The class whose ink can be read on a colour: which ink that is differs between light and dark pages.
std::string ink(double heat) { return heat > 0.7 ? " warm strong" : heat > 0.5 ? " warm" : ""; }

// JSON inside a script element: "<" must not be able to close it.
std::string script_safe(std::string json) {
  for (std::size_t at = 0; (at = json.find('<', at)) != std::string::npos;) json.replace(at, 1, "\\u003c");
  return json;
}

struct HtmlBlock {
  std::string operator()(const Paragraph& p) const { return "<p>" + escape_html(p.text) + "</p>\n"; }
  std::string operator()(const Notice& n) const {
    return "<p class=\"notice\" role=\"note\">" + escape_html(n.text) + "</p>\n";
  }
  std::string operator()(const List& list) const {
    std::string items;
    for (const std::string& item : list.items) items += "<li>" + escape_html(item) + "</li>\n";
    return "<ul>\n" + items + "</ul>\n";
  }
  std::string operator()(const Picture& p) const {
    return "<figure><div class=\"scroll\" tabindex=\"0\">" + p.svg + "</div><figcaption>" + escape_html(p.caption) +
           "</figcaption></figure>\n";
  }
  std::string operator()(const Table& table) const;
  std::string operator()(const TokenStrip& strip) const;
};

std::string HtmlBlock::operator()(const Table& table) const {
  if (table.rows.empty()) return (*this)(Paragraph{table.empty_text()});
  bool titled = false;
  std::string head, body;
  for (const Table::Column& column : table.columns) {
    titled = titled || !column.title.empty();
    head += std::string("<th scope=\"col\"") + (column.numeric ? " class=\"n\"" : "") + ">" +
            escape_html(column.title) + "</th>";
  }
  for (const auto& row : table.rows) {
    body += "<tr>";
    for (std::size_t c = 0; c < row.size(); ++c) {
      body += (table.columns[c].numeric ? "<td class=\"n\">" : "<td>") + escape_html(row[c]) + "</td>";
    }
    body += "</tr>\n";
  }
  const std::string grid =
      std::string("<div class=\"scroll\" tabindex=\"0\"><table") + (titled ? " class=\"sortable\"" : "") + ">" +
      (titled ? "<thead><tr>" + head + "</tr></thead>" : "") + "<tbody>\n" + body + "</tbody></table></div>\n";
  if (table.title.empty()) return grid;
  const std::string title = escape_html(table.title) + " (" + show_count(std::ssize(table.rows)) + " rows)";
  if (table.rows.size() <= Table::kOpenRows) return "<p class=\"title\">" + title + "</p>\n" + grid;
  return "<details><summary>" + title + "</summary>\n" + grid + "</details>\n";
}

std::string HtmlBlock::operator()(const TokenStrip& strip) const {
  const std::size_t last = strip.energy.size() - 1;
  std::string tokens;
  for (std::size_t t = 0; t < strip.tokens.size(); ++t) {
    if (t == 0) {
      tokens += "<span class=\"token first\" title=\"no energy: nothing came before\">" + escape_html(strip.tokens[0]) +
                "</span>";
      continue;
    }
    const double value = strip.energy[last][t - 1];
    tokens += "<span class=\"token" + ink(heat(value, strip.high)) +
              "\" style=\"--e:" + shade(heat(value, strip.high)) + "\" title=\"" + show(value) + " nats\">" +
              escape_html(strip.tokens[t]) + "</span>";
  }
  Json data = Json::array();
  for (const auto& row : strip.energy) data.push_back(row);
  return "<div class=\"strip\" data-high=\"" + shade(strip.high) + "\"><div class=\"tokens\">" + tokens +
         "</div><label class=\"layer\">layer <input type=\"range\" min=\"0\" max=\"" + std::to_string(last) +
         "\" value=\"" + std::to_string(last) + "\"> <output>" + std::to_string(last) +
         "</output></label><script type=\"application/json\">" + script_safe(data.dump()) + "</script></div>\n";
}

std::string navigation(const Document& document) {
  std::string links;
  for (const Section& section : document.sections) {
    links += "<a href=\"#" + section.id + "\">" + escape_html(section.heading) + "</a> ";
  }
  return "<nav>" + links + "</nav>\n";
}

}  // namespace

std::string render_html(const Json& results) {
  const Document document = build_document(results);
  std::string html =
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
      "<meta name=\"color-scheme\" content=\"light dark\"><title>" +
      escape_html(document.title) + "</title><style>\n" + kReportCss + "</style></head><body><main>\n<h1>" +
      escape_html(document.title) + "</h1>\n" + navigation(document);
  for (const Section& section : document.sections) {
    html += "<section id=\"" + section.id + "\"><h2>" + escape_html(section.heading) + "</h2>\n";
    for (const Block& block : section.blocks) html += std::visit(HtmlBlock{}, block);
    html += "</section>\n";
  }
  return html + "</main><script>\n" + kReportJs + "</script></body></html>\n";
}

}  // namespace energy_lens
