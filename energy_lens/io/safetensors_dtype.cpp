#include "energy_lens/io/safetensors_dtype.h"

#include <array>

namespace energy_lens {
namespace {

struct DtypeName {
  std::string_view name;
  at::ScalarType dtype;
};

constexpr std::array<DtypeName, 9> kDtypes = {{{"F64", at::kDouble},
                                               {"F32", at::kFloat},
                                               {"F16", at::kHalf},
                                               {"BF16", at::kBFloat16},
                                               {"I64", at::kLong},
                                               {"I32", at::kInt},
                                               {"I8", at::kChar},
                                               {"U8", at::kByte},
                                               {"BOOL", at::kBool}}};

}  // namespace

std::optional<at::ScalarType> dtype_of_name(std::string_view name) {
  for (const DtypeName& entry : kDtypes) {
    if (entry.name == name) return entry.dtype;
  }
  return std::nullopt;
}

std::optional<std::string> name_of_dtype(at::ScalarType dtype) {
  for (const DtypeName& entry : kDtypes) {
    if (entry.dtype == dtype) return std::string(entry.name);
  }
  return std::nullopt;
}

std::string known_dtype_names() {
  std::string names;
  for (const DtypeName& entry : kDtypes) names += (names.empty() ? "" : ", ") + std::string(entry.name);
  return names;
}

}  // namespace energy_lens
