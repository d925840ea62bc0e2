// Shape checks with the one legend of dimension letters used everywhere:
//   B batch, T token, L layer, H head, Dh head width, D model width, M MLP width, V vocabulary, K dictionary atoms,
//   N rows (tokens of a pooled mask), P permutations. Except in alignment and stats: D documents there, Dm the width.
#pragma once
#include <ATen/ATen.h>

#include <initializer_list>
#include <string_view>

namespace energy_lens {

// One expected dimension: its letter, and its size or -1 for any.
struct Dim {
  std::string_view letter;
  std::int64_t size = -1;
};

// Throws Error{BadInput} "[operation] <name> got [3, 4], expected [T, D=8]" when the shape differs.
void check_shape(std::string_view operation, std::string_view name, const at::Tensor& tensor,
                 std::initializer_list<Dim> expected);

}  // namespace energy_lens
