#include "energy_lens/report/document.h"

#include <cmath>

#include "energy_lens/report/format.h"
#include "energy_lens/report/sections.h"

namespace energy_lens::report {
namespace {

constexpr Section (*kSections[])(const Json&) = {
    summary_section,   texts_section,         profile_section,    dictionaries_section, alignment_section,
    prototype_section, interventions_section, attractors_section, errata_section,       provenance_section};

}  // namespace

Table table_of(const Json& rows, const std::vector<Field>& fields, std::size_t most, const std::string& title) {
  Table table;
  table.title = title;
  for (const Field& field : fields) table.columns.push_back({field.title, true});
  for (const Json& row : rows) {
    if (table.rows.size() == most) break;
    std::vector<std::string> cells;
    for (std::size_t c = 0; c < fields.size(); ++c) {
      const Json& value = row.at(fields[c].key);
      if (value.is_string()) table.columns[c].numeric = false;
      if (value.is_array()) {
        cells.push_back(show_interval(value));
      } else {
        cells.push_back(fields[c].digits == 0 ? show(std::round(real(value))) : show(value, fields[c].digits));
      }
    }
    table.rows.push_back(std::move(cells));
  }
  return table;
}

Document build_document(const Json& results) {
  Document document{results.at("title").get<std::string>(), {}};
  for (const auto section : kSections) document.sections.push_back(section(results));
  return document;
}

}  // namespace energy_lens::report
