#include "energy_lens/core/shape.h"

#include <sstream>

#include "energy_lens/core/error.h"

namespace energy_lens {
namespace {

bool matches(const at::Tensor& tensor, std::initializer_list<Dim> expected) {
  if (!tensor.defined() || tensor.dim() != static_cast<std::int64_t>(expected.size())) return false;
  std::int64_t axis = 0;
  for (const Dim& dim : expected) {
    if (dim.size >= 0 && tensor.size(axis) != dim.size) return false;
    ++axis;
  }
  return true;
}

std::string describe(std::initializer_list<Dim> expected) {
  std::ostringstream text;
  const char* separator = "[";
  for (const Dim& dim : expected) {
    text << separator << dim.letter;
    if (dim.size >= 0) text << "=" << dim.size;
    separator = ", ";
  }
  text << (expected.size() == 0 ? "[]" : "]");
  return text.str();
}

}  // namespace

void check_shape(std::string_view operation, std::string_view name, const at::Tensor& tensor,
                 std::initializer_list<Dim> expected) {
  if (matches(tensor, expected)) return;
  std::ostringstream got;
  if (tensor.defined()) {
    got << tensor.sizes();
  } else {
    got << "no tensor";
  }
  fail(ErrorKind::BadInput, operation, std::string(name) + " got " + got.str() + ", expected " + describe(expected));
}

}  // namespace energy_lens
