#include "energy_lens/model/formats/gguf_config.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <string_view>

#include "energy_lens/core/error.h"
#include "energy_lens/io/utf8.h"

namespace energy_lens {
namespace {

// What changes no logit: where the weights came from, and the vocabulary's size, which the embedding has.
constexpr auto kWithoutEffect =
    std::to_array<std::string_view>({"vocab_size", "tensor_data_layout", "rope.scaling.finetuned"});

// A float's shortest decimal, so that a stored 1e-5 is config.json's 1e-5.
double as_written(double value) {
  const auto narrow = static_cast<float>(value);
  if (static_cast<double>(narrow) != value) return value;
  std::array<char, 64> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), narrow).ptr;
  std::from_chars(text.data(), end, value);
  return value;
}

}  // namespace

void GgufConfig::refuse(const std::string& key, const std::string& expected) const {
  const bool present = file_.has(full(key));
  const std::string got =
      present ? file_.value(full(key)).dump(-1, ' ', false, Json::error_handler_t::replace) : "missing";
  fail(ErrorKind::BadInput, "gguf",
       file_.path().string() + " has " + full(key) + " " + utf8_prefix(got, 200) + ", expected " + expected);
}

bool GgufConfig::has(const std::string& key) const {
  used_.insert(full(key));
  return file_.has(full(key));
}

std::int64_t GgufConfig::integer(const std::string& key) const {
  const Json value = has(key) ? file_.value(full(key)) : Json();
  constexpr std::int64_t kHigh = std::int64_t{1} << 40;
  if (!value.is_number_integer() || value.get<std::int64_t>() < 0 || value.get<std::int64_t>() > kHigh) {
    refuse(key, "a whole number");
  }
  return value.get<std::int64_t>();
}

std::int64_t GgufConfig::integer_or(const std::string& key, std::int64_t absent) const {
  return has(key) ? integer(key) : absent;
}

double GgufConfig::number(const std::string& key) const {
  const Json value = has(key) ? file_.value(full(key)) : Json();
  if (!value.is_number() || !std::isfinite(value.get<double>())) refuse(key, "a number");
  return as_written(value.get<double>());
}

double GgufConfig::number_or(const std::string& key, double absent) const { return has(key) ? number(key) : absent; }

std::string GgufConfig::text_or(const std::string& key, const std::string& absent) const {
  if (!has(key)) return absent;
  const Json value = file_.value(full(key));
  if (!value.is_string()) refuse(key, "text");
  return value.get<std::string>();
}

std::int64_t GgufConfig::rows(const std::string& tensor) const {
  const auto found = file_.tensors().find(tensor);
  if (found == file_.tensors().end() || found->second.shape.size() != 2) {
    fail(ErrorKind::BadInput, "gguf", file_.path().string() + " has no matrix '" + tensor + "'");
  }
  return found->second.shape[0];
}

Json GgufConfig::vector(const std::string& tensor) const {
  const auto& shape = file_.tensors().at(tensor).shape;
  if (shape.size() != 1 || shape[0] > (1 << 16)) {
    fail(ErrorKind::BadInput, "gguf",
         file_.path().string() + " tensor '" + tensor + "' is not a vector of rotary factors");
  }
  const at::Tensor values = at::empty(shape, at::kFloat);
  file_.read(tensor, values);
  return std::vector<float>(values.data_ptr<float>(), values.data_ptr<float>() + values.numel());
}

void GgufConfig::expect_integer(const std::string& key, std::int64_t built) const {
  if (integer_or(key, built) != built) refuse(key, std::to_string(built) + ": the other variant is not read");
}

void GgufConfig::check_all_used() const {
  for (const std::string& key : file_.keys()) {
    const bool ours = key.starts_with(architecture_ + ".");
    const bool known = used_.contains(key) || std::ranges::any_of(kWithoutEffect, [&](std::string_view name) {
                         return key == full(std::string(name));
                       });
    if (ours && !known) refuse(key.substr(architecture_.size() + 1), "no such key: the numbers may depend on it");
  }
}

}  // namespace energy_lens
