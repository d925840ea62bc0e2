#include "apps/cli/lens_table.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>

#include "energy_lens/experiment/study_data.h"
#include "energy_lens/io/utf8.h"
#include "energy_lens/tokenizer/unicode.h"

namespace energy_lens::cli {
namespace {

using Rows = std::vector<std::vector<std::string>>;

constexpr std::size_t kLongestToken = 24;  // in characters

template <class... Values>
std::string format(const char* pattern, Values... values) {
  char text[160];
  std::snprintf(text, sizeof text, pattern, values...);
  return text;
}

// Control characters, and those that turn the direction of a line or break it.
bool disturbs_a_line(char32_t point) {
  return point < 0x20 || (point >= 0x7f && point < 0xa0) || point == 0x061c || point == 0xfeff ||
         (point >= 0x200b && point <= 0x200f) || (point >= 0x2028 && point <= 0x202e) ||
         (point >= 0x2066 && point <= 0x2069);
}

std::string escaped(char32_t point, const std::string& character) {
  if (point == '\n') return "\\n";
  if (point == '\t') return "\\t";
  if (point == '"' || point == '\\') return "\\" + character;
  return disturbs_a_line(point) ? format("\\u%04x", static_cast<unsigned>(point)) : character;
}

std::string in_quotes(const std::string& token) {
  std::string text;
  std::size_t characters = 0;
  for (std::size_t at = 0; at < token.size();) {
    if (++characters > kLongestToken) return "\"" + text + "...\"";
    const Character character = character_at(token, at);
    text += escaped(character.code, token.substr(at, character.length));
    at += character.length;
  }
  return "\"" + text + "\"";
}

// Numbers stand right, words left.
std::string laid_out(const Rows& rows) {
  std::vector<std::size_t> widths(rows[0].size());
  for (const auto& row : rows) {
    for (std::size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], utf8_length(row[c]));
  }
  std::string text;
  for (const auto& row : rows) {
    for (std::size_t c = 0; c < row.size(); ++c) {
      const std::string space(widths[c] - utf8_length(row[c]), ' ');
      const bool words = c < 2 || c + 1 == row.size();
      text += "  " + (words ? row[c] : space + row[c]);
      if (words && c + 1 < row.size()) text += space;
    }
    text += '\n';
  }
  return text;
}

// Where the first, the last and the quarter points stand in the text's list of layers, lowest layer first.
std::vector<std::size_t> shown_layers(const Json& layers) {
  std::vector<std::size_t> order(layers.size()), shown;
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return layers[a] < layers[b]; });
  for (std::size_t quarter = 0; quarter <= 4; ++quarter) {
    const std::size_t i = order[quarter * (order.size() - 1) / 4];
    if (shown.empty() || shown.back() != i) shown.push_back(i);
  }
  return shown;
}

std::string first_choice(const Json& text, std::size_t layer, std::size_t t, const Tokenizer& tokenizer) {
  const auto id = text.at("top_ids")[layer][t][0].get<std::int64_t>();
  const double probability = std::exp(text.at("top_log_probs")[layer][t][0].get<double>());
  return in_quotes(token_strings(tokenizer, {id})[0]) + format(" (%.1f %%)", 100.0 * probability);
}

Rows rows_of(const Json& text, const Tokenizer& tokenizer) {
  const std::vector<std::size_t> shown = shown_layers(text.at("layers"));
  Rows rows = {{"token", "next"}};
  for (const std::size_t i : shown) rows[0].push_back("layer " + text.at("layers")[i].dump());
  rows[0].insert(rows[0].end(), {"rank", "first choice"});
  const Json& tokens = text.at("tokens");
  for (std::size_t t = 0; t + 1 < tokens.size(); ++t) {
    rows.push_back({in_quotes(tokens[t].get<std::string>()), in_quotes(tokens[t + 1].get<std::string>())});
    for (const std::size_t i : shown) rows.back().push_back(format("%.3f", text.at("energy")[i][t].get<double>()));
    rows.back().push_back(text.at("rank")[shown.back()][t].dump());
    rows.back().push_back(first_choice(text, shown.back(), t, tokenizer));
  }
  return rows;
}

}  // namespace

std::string lens_table(const Json& result, const Tokenizer& tokenizer) {
  std::string table =
      "Energy of the next token in nats at each layer named; its rank (0: first choice) and the first choice, with its "
      "probability, at the last of them.\n";
  const Json& texts = result.at("texts");
  for (std::size_t i = 0; i < texts.size(); ++i) {
    table += format("\ntext %zu of %zu: %zu tokens, %.3f nats a token by the model itself, perplexity %.4g\n", i + 1,
                    texts.size(), texts[i].at("tokens").size(), texts[i].at("nll").get<double>(),
                    texts[i].at("perplexity").get<double>());
    table += laid_out(rows_of(texts[i], tokenizer));
  }
  return table;
}

}  // namespace energy_lens::cli
