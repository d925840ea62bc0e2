#include "energy_lens/dictionary/omp_dictionary.h"

#include <charconv>

#include "energy_lens/core/error.h"
#include "energy_lens/core/philox.h"
#include "energy_lens/core/shape.h"
#include "energy_lens/io/safetensors.h"

namespace energy_lens {
namespace {

constexpr char kSchema[] = "energy-lens/dictionary/1";

std::int64_t metadata_number(const SafetensorsFile& file, const std::string& name, const std::string& path) {
  const auto found = file.metadata().find(name);
  std::int64_t value = 0;
  if (found != file.metadata().end()) {
    const char* end = found->second.data() + found->second.size();
    const auto parsed = std::from_chars(found->second.data(), end, value);
    if (parsed.ec == std::errc() && parsed.ptr == end) return value;
  }
  fail(ErrorKind::BadInput, "load_dictionary", path + ": metadata \"" + name + "\" is missing or not a number");
}

}  // namespace

OmpDictionary::OmpDictionary(at::Tensor atoms, at::Tensor mean, std::int64_t active) : active_(active) {
  check_shape("OmpDictionary", "atoms", atoms, {{"K"}, {"D"}});
  check_shape("OmpDictionary", "mean", mean, {{"D", atoms.size(1)}});
  const at::Tensor norms = atoms.to(at::kDouble).norm(2, -1, true);
  if (!(at::isfinite(norms) & (norms > 0)).all().item<bool>() || !at::isfinite(mean).all().item<bool>()) {
    fail(ErrorKind::BadInput, "OmpDictionary", "got an atom that is zero, NaN or Inf, expected finite directions");
  }
  if (active < 1 || active > atoms.size(0)) {
    fail(ErrorKind::Usage, "OmpDictionary", "got " + std::to_string(active) + " active atoms, expected 1 to K");
  }
  // Rows of unit length but for rounding stay as they are: a dictionary that is written and read keeps its bits.
  const at::Tensor scale = at::where((norms - 1.0).abs() < 1e-6, at::ones_like(norms), norms);
  atoms_ = (atoms.to(at::kDouble) / scale).to(at::kFloat);
  mean_ = mean.to(at::kFloat).contiguous();
  coder_.emplace(atoms_);
}

SparseCodes OmpDictionary::encode(const at::Tensor& x) const {
  check_shape("OmpDictionary::encode", "x", x, {{"N"}, {"D", mean_.size(0)}});
  return coder_->encode(x.to(at::kFloat) - mean_, {.active = active_});
}

std::shared_ptr<const OmpDictionary> random_dictionary(std::int64_t atoms, const at::Tensor& mean, std::int64_t active,
                                                       std::uint64_t seed) {
  at::Tensor directions = at::empty({atoms, mean.size(0)});
  Philox random(seed, "dictionary/random");
  float* data = directions.data_ptr<float>();
  for (std::int64_t i = 0; i < directions.numel(); ++i) data[i] = static_cast<float>(random.normal());
  return std::make_shared<const OmpDictionary>(directions, mean, active);
}

void save_dictionary(const std::filesystem::path& path, const OmpDictionary& dictionary) {
  write_safetensors(
      path, {{"atoms", dictionary.atoms()}, {"mean", dictionary.mean()}},
      {{"schema", kSchema}, {"kind", dictionary.kind()}, {"active", std::to_string(dictionary.active())}});
}

std::shared_ptr<const OmpDictionary> load_dictionary(const std::filesystem::path& path) {
  const SafetensorsFile file = SafetensorsFile::open(path);
  const auto schema = file.metadata().find("schema");
  if (schema == file.metadata().end() || schema->second != kSchema) {
    fail(ErrorKind::BadInput, "load_dictionary", path.string() + ": expected metadata schema " + kSchema);
  }
  for (const char* name : {"atoms", "mean"}) {
    const auto found = file.tensors().find(name);
    if (found == file.tensors().end() || found->second.dtype != at::kFloat) {
      fail(ErrorKind::BadInput, "load_dictionary", path.string() + ": expected an fp32 tensor \"" + name + "\"");
    }
  }
  return std::make_shared<const OmpDictionary>(file.view("atoms").clone(), file.view("mean").clone(),
                                               metadata_number(file, "active", path.string()));
}

}  // namespace energy_lens
