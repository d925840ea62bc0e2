// The sections that frame the numbers: what the prototype said, and where everything came from.
#include "energy_lens/report/format.h"
#include "energy_lens/report/sections.h"

namespace energy_lens::report {
namespace {

Table key_values(const std::vector<std::pair<std::string, std::string>>& rows, const std::string& title = "") {
  Table table{{{"", false}, {"", false}}, {}, title};
  for (const auto& [key, value] : rows) table.rows.push_back({key, value});
  return table;
}

}  // namespace

Section errata_section(const Json& results) {
  Section section{"errata", "Errata of the public prototype", {}};
  section.blocks.push_back(table_of(
      results.at("errata"), {{"claimed", "claim"}, {"its code and JSON show", "found"}, {"measured here", "here"}}));
  return section;
}

Section provenance_section(const Json& results) {
  const Json &run = results.at("run"), &model = results.at("model"), &corpus = results.at("corpus"),
             &execution = results.at("execution");
  Section section{"provenance", "Where the numbers come from", {}};
  section.blocks.push_back(key_values({{"version", show(run.at("version")) + " (" + show(run.at("git_commit")) + ")"},
                                       {"command", show(execution.at("command"))},
                                       {"created", show(execution.at("created"))},
                                       {"threads", show(execution.at("threads"))},
                                       {"peak memory", show(execution.at("peak_mb")) + " MB"},
                                       {"model", show(model.at("name"))},
                                       {"weights SHA-256", show(model.at("digest"))},
                                       {"corpus", show(corpus.at("path"))},
                                       {"corpus SHA-256", show(corpus.at("digest"))},
                                       {"parameters SHA-256", show(run.at("parameters_digest"))},
                                       {"documents read", show(corpus.at("documents_read"))},
                                       {"looked at, too short", show(corpus.at("documents_too_short"))},
                                       {"looked at, repeated", show(corpus.at("documents_repeated"))},
                                       {"looked at, half or more repeated", show(corpus.at("documents_similar"))}}));
  Table splits{{{"split", false}, {"documents", true}, {"tokens", true}}, {}};
  for (const auto& item : corpus.at("splits").items()) {
    splits.rows.push_back({item.key(), show(item.value().at("documents")), show(item.value().at("tokens"))});
  }
  section.blocks.push_back(std::move(splits));
  Table strata{{{"stratum", false}, {"documents", true}}, {}, "Documents of each stratum"};
  for (const auto& item : corpus.at("strata").items()) strata.rows.push_back({item.key(), show(item.value())});
  section.blocks.push_back(std::move(strata));
  std::vector<std::pair<std::string, std::string>> parameters;
  for (const auto& item : run.at("parameters").items()) parameters.emplace_back(item.key(), show(item.value()));
  section.blocks.push_back(key_values(parameters, "Every parameter"));
  Table seconds{{{"stage", false}, {"seconds", true}}, {}};
  for (const auto& item : execution.at("seconds").items()) seconds.rows.push_back({item.key(), show(item.value(), 3)});
  section.blocks.push_back(std::move(seconds));
  return section;
}

}  // namespace energy_lens::report
