// Logits of rows of the last stream, whatever texts they come from.
#pragma once
#include <cstdint>
#include <functional>

#include "energy_lens/model/model.h"

namespace energy_lens {

// Rows whose logits stand in memory at once. Whoever reads logits reads them so: those of a whole text, [T, V], would
// be the largest thing in memory.
inline constexpr std::int64_t kLogitRows = 64;

// rows [N, D] of the stream after the last block, before the final norm, N up to the model's context -> [N, V].
at::Tensor logits_of_rows(const Model& model, const at::Tensor& rows);

// Calls take(begin, logits) for rows [begin, begin + n) after one another, n <= kLogitRows, logits [n, V]. rows: [N,
// D].
void for_logits_of_rows(const Model& model, const at::Tensor& rows,
                        const std::function<void(std::int64_t begin, const at::Tensor& logits)>& take);

}  // namespace energy_lens
