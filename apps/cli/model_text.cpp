#include "apps/cli/model_text.h"

#include <cstdio>

namespace energy_lens::cli {
namespace {

// Three digits and the word: 124 million.
std::string rounded(double value, const char* format = "%.3g") {
  char digits[32];
  std::snprintf(digits, sizeof digits, format, value);
  return digits;
}

std::string count_in_words(double count) {
  if (count >= 1e9) return rounded(count / 1e9) + " billion";
  if (count >= 1e6) return rounded(count / 1e6) + " million";
  return rounded(count, "%.0f");
}

std::string shape_in_words(const Json& m) {
  std::string shape = text_of(m.at("layers")) + " layers of width " + text_of(m.at("width")) + ", " +
                      text_of(m.at("heads")) + " heads of width " + text_of(m.at("head_width"));
  if (m.at("key_value_heads") != m.at("heads")) {
    shape += " sharing " + text_of(m.at("key_value_heads")) + " keys and values";
  }
  shape += ", MLP of width " + text_of(m.at("mlp_width"));
  if (m.contains("experts")) {
    const Json& e = m.at("experts");
    shape += "; " + text_of(e.at("count")) + " experts of width " + text_of(e.at("width")) + ", " +
             text_of(e.at("per_token")) + " a token, in " + text_of(e.at("layers")) + " layers";
  }
  return shape;
}

}  // namespace

std::string line(const char* name, const std::string& value) {
  std::string text = std::string("  ") + name;
  text.resize(16, ' ');
  return text + value + "\n";
}

std::string text_of(const Json& value) { return value.is_string() ? value.get<std::string>() : value.dump(); }

std::string gigabytes(const Json& bytes) { return rounded(bytes.get<double>() / 1e9, "%.2f") + " GB"; }

std::string model_in_words(const Json& m) {
  return "model\n" + line("source", text_of(m.at("source"))) + line("family", text_of(m.at("family"))) +
         line("parameters", count_in_words(m.at("parameters").get<double>())) + line("shape", shape_in_words(m)) +
         line("text", text_of(m.at("context")) + " tokens at most, vocabulary of " + text_of(m.at("vocabulary"))) +
         line("numbers", text_of(m.at("dtype")) + " on " + text_of(m.at("device"))) +
         line("memory", gigabytes(m.at("weight_bytes")) + " for the weights, about " +
                            gigabytes(m.at("working_bytes")) + " more to run the lens on " +
                            text_of(m.at("working_tokens")) + " tokens") +
         line("digest", text_of(m.at("digest")));
}

}  // namespace energy_lens::cli
