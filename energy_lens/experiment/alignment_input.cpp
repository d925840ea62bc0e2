#include "energy_lens/experiment/alignment_input.h"

#include <cmath>
#include <map>
#include <string>

#include "energy_lens/core/error.h"
#include "energy_lens/core/parallel.h"
#include "energy_lens/lens/reference_block.h"

namespace energy_lens {
namespace {

std::vector<std::int64_t> stratum_labels(const std::vector<const Window*>& windows) {
  std::map<std::string, std::int64_t> label_of;
  std::vector<std::int64_t> labels;
  for (const Window* window : windows) {
    labels.push_back(label_of.try_emplace(window->stratum, static_cast<std::int64_t>(label_of.size())).first->second);
  }
  return labels;
}

// A number a token [D, T] of what each document has at its tokens, [D, T, ...].
template <typename OfDocument>
at::Tensor by_document(const at::Tensor& documents, const OfDocument& of_document) {
  at::Tensor values = at::empty({documents.size(0), documents.size(1)});
  parallel_blocks(documents.size(0), [&](std::int64_t d) { values[d].copy_(of_document(documents[d])); });
  return values;
}

// log((n + 1) / (N + V)) of every token id.
at::Tensor log_frequencies(const StudyData& data) {
  std::vector<double> counts(static_cast<std::size_t>(data.model->config().d_vocab), 1.0);
  double total = static_cast<double>(counts.size());
  for (const Window* window : data.of(Split::S)) {
    for (std::size_t t = data.first_position; t < window->ids.size(); ++t, ++total) counts[window->ids[t]] += 1.0;
  }
  for (double& count : counts) count = std::log(count / total);
  return at::tensor(counts, at::kDouble);
}

// Of the tokens at positions [first, first + T) of each window: [D, T].
at::Tensor looked_up(const at::Tensor& by_token, const std::vector<const Window*>& windows, std::int64_t first,
                     std::int64_t tokens) {
  std::vector<at::Tensor> rows;
  for (const Window* window : windows) rows.push_back(by_token.index_select(0, at::tensor(window->ids)));
  return at::stack(rows).narrow(1, first, tokens);
}

}  // namespace

std::vector<ScalarSeries> partial_covariates(const StudyData& data, const std::vector<const Window*>& windows,
                                             const EfasInput& input) {
  const at::Tensor frequency = log_frequencies(data);
  return {{"log frequency", looked_up(frequency, windows, 0, input.tokens)},
          {"log frequency of the next token", looked_up(frequency, windows, 1, input.tokens)},
          {"log norm scale", by_document(input.norm_scale, [](const at::Tensor& scale) { return at::log(scale); })},
          input.scalars[static_cast<std::size_t>(SequenceScalar::EnergyBefore)]};
}

EfasInput alignment_input(const StudyData& data, const Dictionary& dictionary, const CorpusPass& pass,
                          const LayerActivations& layer) {
  EfasInput input;
  input.documents = layer.resid.size(0);
  input.tokens = layer.resid.size(1);
  input.codes = dictionary.encode(layer.resid.flatten(0, 1));
  input.atoms = dictionary.atoms();
  input.gradient = layer.gradient;
  input.expected_gradient = layer.expected_gradient;
  input.norm_scale =
      by_document(layer.resid, [&](const at::Tensor& rows) { return norm_scale(rows, data.model->unembed()); });
  input.mask = kept_positions(data, input.tokens);
  input.strata = stratum_labels(pass.windows);
  input.scalars = sequence_series(layer.energy, layer.depth_descent);
  EL_ASSERT(input.scalars.size() == kGradientNormScalar);
  input.scalars.push_back(
      {"gradient norm", by_document(layer.gradient, [](const at::Tensor& rows) { return rows.norm(2, -1); })});
  return input;
}

}  // namespace energy_lens
