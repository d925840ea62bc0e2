// How tools look into and change a forward pass. The engine knows these two interfaces and no tool.
// Nobody watching costs nothing; an Observer changes no bit of the output.
#pragma once
#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

#include "energy_lens/model/sites.h"

namespace energy_lens {

// Sequences right-padded to one length. Row b holds lengths[b] real tokens; what follows is padding.
struct TokenBatch {
  at::Tensor ids;                     // [B, T] int64, CPU
  std::vector<std::int64_t> lengths;  // B, each in 1..T
};

// Pads with pad_id (any valid id: padding never reaches a real position). Errors: BadInput for an empty sequence.
TokenBatch pad_right(const std::vector<std::vector<std::int64_t>>& sequences, std::int64_t pad_id = 0);

class Observer {
 public:
  virtual ~Observer() = default;
  virtual bool wants(const SiteRef& site) const = 0;
  // value: shape of the site (sites.h), valid only during the call (clone to keep). Padding positions hold garbage.
  // Called on the caller's thread, in the order of all_sites().
  virtual void observe(const SiteRef& site, const at::Tensor& value, const TokenBatch& batch) = 0;
};

class Editor {
 public:
  virtual ~Editor() = default;
  virtual bool edits(const SiteRef& site) const = 0;
  // Returns the value to use instead, same shape and dtype; returning `value` itself changes no bit downstream.
  virtual at::Tensor edit(const SiteRef& site, const at::Tensor& value, const TokenBatch& batch) = 0;
};

}  // namespace energy_lens
