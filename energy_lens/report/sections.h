// One function a part of the report; the list of all, in order, is in document.cpp. Private to report/.
#pragma once
#include "energy_lens/report/document.h"

namespace energy_lens::report {

Section summary_section(const Json& results);
Section texts_section(const Json& results);
Section profile_section(const Json& results);
Section dictionaries_section(const Json& results);
Section alignment_section(const Json& results);
Section prototype_section(const Json& results);
Section interventions_section(const Json& results);
Section attractors_section(const Json& results);
Section errata_section(const Json& results);
Section provenance_section(const Json& results);

// A table of objects: one row an element, one column a (title, key); numbers right-aligned, pairs as intervals, numbers
// of 0 digits rounded to whole ones.
struct Field {
  const char* title;
  const char* key;
  int digits = 4;
};
Table table_of(const Json& rows, const std::vector<Field>& fields, std::size_t most = SIZE_MAX,
               const std::string& title = "");

}  // namespace energy_lens::report
