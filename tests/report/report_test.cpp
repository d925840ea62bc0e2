#include "energy_lens/report/report.h"

#include <gtest/gtest.h>

#include <regex>

#include "energy_lens/core/error.h"

namespace energy_lens {
namespace {

Json sample_value(std::string_view type) {
  if (type == "string") return "text";
  if (type == "number") return 0.25;
  if (type == "count") return 3;
  if (type.starts_with("flag")) return true;
  if (type == "null") return nullptr;
  return Json::object({{"entry", 1}});
}

// Puts a value at a path, one element in every list.
void plant(Json& at, std::string_view rest, std::string_view type) {
  if (rest.empty()) {
    at = sample_value(type);
    return;
  }
  if (rest.starts_with("[]")) {
    if (!at.is_array()) at = Json::array({nullptr});
    plant(at[0], rest.substr(rest.starts_with("[].") ? 3 : 2), type);
    return;
  }
  const std::size_t end = rest.find_first_of(".[");
  std::string_view after = end == std::string_view::npos ? std::string_view() : rest.substr(end);
  if (after.starts_with('.')) after.remove_prefix(1);
  if (!at.is_object()) at = Json::object();
  plant(at[std::string(rest.substr(0, end))], after, type);
}

Json sample() {
  Json results;
  for (const ResultField& field : result_fields()) plant(results, field.path, field.type);
  results["schema"] = kResultsSchema;
  results["corpus"]["splits"] = {{"A", {{"documents", 2}, {"tokens", 8}}}};
  Json& text = results["texts"][0];
  text["tokens"] = {"<|bos|>", " a", "b\n"};
  text["energy"] = {{1.5, 2.5}, {0.5, nullptr}};
  for (const char* key : {"layers", "energy_mean", "entropy_mean", "kl_mean"}) results["lens"][key] = {0, 1};
  results["lens"]["energy_ci"] = {{0.5, 1.5}, {nullptr, nullptr}};
  for (auto [list, key] : {std::pair{&results["interventions"]["edits"][0], "measured_ci"},
                           {&results["interventions"]["edits"][0], "contrast_ci"},
                           {&results["interventions"]["edits"][0], "kl_contrast_ci"},
                           {&results["efas"][0]["features"][0], "ci"},
                           {&results["efas"][0]["features"][0], "efas_rb_partial_ci"},
                           {&results["hypotheses"][0], "ci"},
                           {&results["interventions"]["dose_response"][0], "r2_ci"},
                           {&results["attractors"]["prediction"], "difference_ci"}}) {
    (*list)[key] = {-0.5, 0.5};
  }
  results["interventions"]["edits"][0]["kind"] = "zero";
  return results;
}

// Removes the last name of a path from the first element of every list.
void uproot(Json& at, std::string_view rest) {
  if (rest.starts_with("[]")) return uproot(at[0], rest.substr(rest.starts_with("[].") ? 3 : 2));
  const std::size_t end = rest.find_first_of(".[");
  const std::string name(rest.substr(0, end));
  if (end == std::string_view::npos || rest.substr(end).find_first_not_of("[]") == std::string_view::npos) {
    at.erase(name);
    return;
  }
  std::string_view after = rest.substr(end);
  if (after.starts_with('.')) after.remove_prefix(1);
  uproot(at[name], after);
}

TEST(Validation, AcceptsTheSampleAndRefusesItWithoutAnyOneField) {
  ASSERT_NO_THROW(validate_results(sample()));
  for (const ResultField& field : result_fields()) {
    Json broken = sample();
    uproot(broken, field.path);
    EXPECT_THROW(validate_results(broken), Error) << field.path;
  }
}

TEST(Validation, RefusesWrongTypesAndOtherFiles) {
  Json broken = sample();
  broken["run"]["seed"] = "three";
  try {
    validate_results(broken);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(std::string(error.what()), "[validate_results] 'run.seed' got \"three\", expected a count");
  }
  EXPECT_THROW(validate_results(Json::array()), Error);
  EXPECT_THROW(validate_results({{"schema", "other/1"}}), Error);
}

TEST(Validation, DocumentationNamesEveryFieldAsTheSchemaDoes) {
  const std::string page = read_file(EL_SOURCE_DIR "/docs/results.md");
  for (const ResultField& field : result_fields()) {
    const std::string row = "| `" + std::string(field.path) + "` | " + std::string(field.type) + " | ";
    EXPECT_NE(page.find(row), std::string::npos) << field.path;
  }
}

TEST(Report, ShowsUndefinedNumbersAsDashes) {
  Json results = sample();
  for (const ResultField& field : result_fields()) {
    if (field.type == "number" && field.path.find("[][]") == std::string_view::npos) plant(results, field.path, "null");
  }
  for (const std::string& text : {render_markdown(results), render_html(results)}) {
    EXPECT_NE(text.find("\u2013"), std::string::npos);
    EXPECT_FALSE(std::regex_search(text, std::regex(R"([>|] *-?(nan|inf|null) *[<|])")));
  }
}

TEST(Report, TextFromTheResultsCannotBecomeMarkup) {
  Json hostile = sample();
  const std::string attack = "</script><script>alert(1)</script>\"'<img src=x onerror=alert(1)>|`";
  hostile["texts"][0]["text"] = attack;
  hostile["texts"][0]["tokens"][1] = attack;
  hostile["title"] = attack;
  hostile["attractors"]["basins"][0]["label"] = attack;
  hostile["corpus"]["strata"] = {{attack, 1}};
  const std::string html = render_html(hostile);
  EXPECT_TRUE(html.find("<script>alert") == std::string::npos);
  EXPECT_TRUE(html.find("<img") == std::string::npos);
  const std::string markdown = render_markdown(hostile);
  EXPECT_TRUE(markdown.find("<img") == std::string::npos && markdown.find("<script") == std::string::npos);
}

TEST(Report, TagsAreBalanced) {
  const std::string html = render_html(sample());
  const std::string body = std::regex_replace(html, std::regex("<(script|style)[^>]*>[^]*?</\\1>"), "");
  std::vector<std::string> open;
  const std::regex tag(R"(<(/?)([a-z0-9]+)[^>]*?(/?)>)");
  for (std::sregex_iterator it(body.begin(), body.end(), tag), end; it != end; ++it) {
    const std::string name = (*it)[2];
    if ((*it)[3] == "/" || name == "meta" || name == "input" || name == "!doctype") continue;
    if ((*it)[1] == "/") {
      ASSERT_FALSE(open.empty()) << name;
      EXPECT_EQ(open.back(), name);
      open.pop_back();
    } else {
      open.push_back(name);
    }
  }
  EXPECT_TRUE(open.empty());
}

TEST(Report, NeedsNoNetwork) {
  EXPECT_FALSE(std::regex_search(render_html(sample()), std::regex(R"((src|href)="(http|//))")));
}

// A number that came from anywhere but the JSON would stay when every number of the JSON changes.
TEST(Report, EveryFindingFollowsTheResults) {
  const auto findings = [](const Json& results) {
    const std::string html = render_html(results);
    const std::size_t begin = html.find("<ul>"), end = html.find("</ul>");
    return html.substr(begin, end - begin);
  };
  Json other = sample();
  other["lens"]["energy_mean"] = {7.125, 6.125};
  other["lens"]["uniform_energy"] = 6.5;
  other["dictionaries"][0]["ev"] = 0.875;
  other["efas"][0]["underpowered"] = false;
  other["efas"][0]["passes_both_nulls_b"] = 17;
  other["interventions"]["edits"][0]["kl_contrast_ci"] = {0.25, 0.5};
  other["attractors"]["cyclic"] = 19;
  const std::string text = findings(other);
  for (const char* expected : {"6.12 nats a token", "7.12 nats at layer 0", "uniform guess (6.5 nats) at layer 1",
                               "0.875", "17 of 3 tested features", "1 of 1 features", "19 of 3 prompts"}) {
    EXPECT_NE(text.find(expected), std::string::npos) << expected << " in " << text;
  }
  EXPECT_NE(findings(sample()).find("underpowered on this corpus: no claim"), std::string::npos);
  other["run"]["protocol"]["least_edited_documents"] = other["interventions"]["edits"][0]["documents"].get<int>() + 1;
  EXPECT_NE(findings(other).find("edits allow no claim"), std::string::npos);
}

TEST(Report, TablesWithoutRowsSayNone) {
  Json results = sample();
  results["efas"][0]["features"] = Json::array();
  results["interventions"]["edits"] = Json::array();
  for (const std::string& text : {render_markdown(results), render_html(results)}) {
    EXPECT_NE(text.find("Every edit: none."), std::string::npos);
    EXPECT_EQ(text.find("max-T p on B"), std::string::npos);
  }
}

TEST(Report, SaysWhichStatementsWereNotRunAndWhy) {
  Json results = sample();
  results["hypotheses"].push_back(results["hypotheses"][0]);
  results["hypotheses"][1]["id"] = "H99";
  results["hypotheses"][1]["verdict"] = "not run: no such model";
  for (const std::string& text : {render_markdown(results), render_html(results)}) {
    EXPECT_NE(text.find("not run here: H99"), std::string::npos);
    EXPECT_NE(text.find("(no such model)"), std::string::npos);
  }
}

TEST(Report, SaysWhatIdentityEditsDidAndWhenThereWereNone) {
  Json results = sample();
  for (const auto& [bitwise, sentence] :
       {std::pair<Json, const char*>{true, "An edit of nothing, run the way the others are, left every bit"},
        {false, "An edit of nothing CHANGED BITS"},
        {nullptr, "No edit was run"}}) {
    results["interventions"]["identity_bitwise"] = bitwise;
    EXPECT_NO_THROW(validate_results(results));
    EXPECT_NE(render_markdown(results).find(sentence), std::string::npos) << sentence;
  }
}

TEST(Report, LongTablesAreShutAndShortOnesOpen) {
  Json results = sample();
  EXPECT_EQ(render_html(results).find("<details>"), std::string::npos);
  while (results["interventions"]["edits"].size() < 13) {
    results["interventions"]["edits"].push_back(results["interventions"]["edits"][0]);
  }
  EXPECT_NE(render_html(results).find("<details><summary>Every edit (13 rows)</summary>"), std::string::npos);
}

TEST(Report, MarkdownAndHtmlHoldTheSameSections) {
  const std::string markdown = render_markdown(sample()), html = render_html(sample());
  const std::regex heading(R"(<h2>([^<]*)</h2>)");
  int sections = 0;
  for (std::sregex_iterator it(html.begin(), html.end(), heading), end; it != end; ++it, ++sections) {
    const std::string title = std::regex_replace((*it)[1].str(), std::regex("&#39;"), "'");
    EXPECT_TRUE(markdown.find("## " + title) != std::string::npos) << title;
  }
  EXPECT_EQ(sections, 10);
}

}  // namespace
}  // namespace energy_lens
