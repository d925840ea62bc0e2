// The families of models that can be loaded: one file each in this folder, one line each in registry.cpp.
#pragma once
#include <string>
#include <vector>

#include "energy_lens/io/file.h"
#include "energy_lens/model/config.h"
#include "energy_lens/model/weight_source.h"
#include "energy_lens/model/weights.h"

namespace energy_lens {

struct Family {
  std::string name;  // config.json's model_type
  std::vector<std::string> prefixes;
  // Errors of both: BadInput naming the key or tensor.
  ModelConfig (*read_config)(const Json& json);
  ModelWeights (*load)(const WeightSource& source, const ModelConfig& config, at::ScalarType dtype);
};

const std::vector<Family>& families();
// Errors: BadInput naming the families there are.
const Family& family_named(const std::string& name);

Family gpt2_family();

// Whole number of config.json in [low, high]. Errors: BadInput naming the key.
std::int64_t config_int(const Json& json, const char* key, std::int64_t low, std::int64_t high);

}  // namespace energy_lens
