#include "apps/cli/layer_list.h"

#include <algorithm>
#include <charconv>

#include "apps/cli/model_path.h"
#include "energy_lens/core/error.h"
#include "energy_lens/experiment/model_choice.h"

namespace energy_lens::cli {
namespace {

constexpr const char* kAnyLayers = "numbers separated by commas, such as --layers 0,6,12, or --layers all";

// A model that is not there, or not whole, is reported by what loads it.
std::string expected_layers(const CLI::App& command) {
  const CLI::Option* option = command.get_option("--model");
  if (option->count() == 0 && command.get_option("--config")->count() > 0) return kAnyLayers;
  try {
    const auto model = local_model(option->count() == 0 ? "" : option->results().back());
    if (model) return layers_in_words(read_model_config(*model).n_layers);
  } catch (const Error&) {
  }
  return kAnyLayers;
}

std::int64_t parse_layer(const CLI::App& command, const std::string& word, const std::string& whole) {
  std::int64_t layer = 0;
  const char* begin = word.data() + std::min(word.find_first_not_of(' '), word.size());
  const char* end = word.data() + word.size();
  const auto [stop, error] = std::from_chars(begin, end, layer);
  if (error == std::errc() && stop == end) return layer;
  fail(ErrorKind::Usage, command.get_name(),
       "--layers got '" + whole + "'" + (word == whole ? "" : ", of which '" + word + "' is no number") +
           ", expected " + expected_layers(command));
}

}  // namespace

std::vector<std::int64_t> parse_layers(const CLI::App& command, const std::vector<std::string>& given) {
  std::vector<std::int64_t> layers;
  if (given == std::vector<std::string>{"all"}) return layers;
  for (const std::string& whole : given) {
    for (std::size_t begin = 0; begin <= whole.size();) {
      const std::size_t end = std::min(whole.find(',', begin), whole.size());
      layers.push_back(parse_layer(command, whole.substr(begin, end - begin), whole));
      begin = end + 1;
    }
  }
  return layers;
}

}  // namespace energy_lens::cli
