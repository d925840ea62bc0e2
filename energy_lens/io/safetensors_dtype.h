// The one table of safetensors element types we read and write.
#pragma once
#include <ATen/ATen.h>

#include <optional>
#include <string>
#include <string_view>

namespace energy_lens {

std::optional<at::ScalarType> dtype_of_name(std::string_view name);
std::optional<std::string> name_of_dtype(at::ScalarType dtype);
std::string known_dtype_names();  // "F64, F32, ..."

}  // namespace energy_lens
