#include "energy_lens/io/torch_file.h"

#include <algorithm>
#include <array>
#include <bit>
#include <fstream>

#include "energy_lens/core/error.h"
#include "energy_lens/io/torch_state.h"

namespace energy_lens {
namespace {

static_assert(std::endian::native == std::endian::little, "storages are little-endian");
namespace fs = std::filesystem;
constexpr std::uint64_t kMaxPickle = 64u << 20;
constexpr std::int64_t kPiece = 1 << 22;

// Pickled magic number 0x1950a86a20f9469cfc6c with which the format before torch 1.6 begins.
constexpr std::string_view kOldMagic{"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", 14};

void refuse_old_format(const fs::path& path) {
  std::array<char, 14> head{};
  std::ifstream(path, std::ios::binary).read(head.data(), head.size());
  if (std::string_view(head.data(), head.size()) != kOldMagic) return;
  fail(ErrorKind::BadInput, "torch_file",
       path.string() +
           " is in the format that torch.save wrote before 1.6, which is a program to run. If you trust it, " +
           "torch.save(torch.load(file, weights_only=True), file) writes today's format");
}

const fs::path& checked(const fs::path& path) {
  refuse_old_format(path);
  return path;
}

// Every entry lies under one folder, whose name the writer chose: "archive/data.pkl".
std::string root_folder(const ZipArchive& archive, const fs::path& path) {
  constexpr std::string_view kPickle = "/data.pkl";
  std::string found;
  for (const std::string& name : archive.names()) {
    if (!name.ends_with(kPickle) || std::ranges::count(name, '/') != 1) continue;
    if (!found.empty()) fail(ErrorKind::BadInput, "torch_file", path.string() + " holds two data.pkl");
    found = name.substr(0, name.size() - kPickle.size() + 1);
  }
  if (found.empty()) {
    fail(ErrorKind::BadInput, "torch_file",
         path.string() + " is a zip archive without data.pkl, expected torch.save's");
  }
  if (archive.has(found + "constants.pkl")) {
    fail(ErrorKind::BadInput, "torch_file",
         path.string() + " is a TorchScript program, expected a state_dict; torch.save(model.state_dict(), file)");
  }
  return found;
}

void check_byte_order(const ZipArchive& archive, const std::string& root, const fs::path& path) {
  if (!archive.has(root + "byteorder")) return;
  const std::vector<char> bytes = archive.read(root + "byteorder", 64);
  const std::string order(bytes.begin(), bytes.end());
  if (order != "little") {
    fail(ErrorKind::BadInput, "torch_file",
         path.string() +
             " was not written with byte order little; save it again on "
             "a little-endian machine");
  }
}

void check_storages(const std::map<std::string, TorchTensor>& tensors, const ZipArchive& archive,
                    const fs::path& path) {
  for (const auto& [name, tensor] : tensors) {
    const bool present = archive.has(tensor.storage);
    const std::uint64_t elements = present ? archive.size(tensor.storage) / at::elementSize(tensor.dtype) : 0;
    if (present && static_cast<std::uint64_t>(tensor.offset) <= elements &&
        static_cast<std::uint64_t>(tensor.span) <= elements - static_cast<std::uint64_t>(tensor.offset)) {
      continue;
    }
    fail(ErrorKind::BadInput, "torch_file",
         path.string() + " tensor '" + name + "' needs elements up to " + std::to_string(tensor.offset) + " + " +
             std::to_string(tensor.span) + " of '" + tensor.storage + "', which " +
             (present ? "has " + std::to_string(elements) : "is missing"));
  }
}

// Calls use(begin, piece) for the elements [offset, offset + count) of a storage, in pieces.
template <class Use>
void for_each_piece(const ZipArchive& archive, const TorchTensor& tensor, std::int64_t count, Use&& use) {
  const auto width = static_cast<std::int64_t>(at::elementSize(tensor.dtype));
  ZipArchive::Reader reader(archive, tensor.storage, static_cast<std::uint64_t>(tensor.offset * width));
  const at::Tensor buffer = at::empty({std::min(kPiece, count)}, tensor.dtype);
  for (std::int64_t begin = 0; begin < count; begin += kPiece) {
    const at::Tensor piece = buffer.narrow(0, 0, std::min(kPiece, count - begin));
    reader.next({static_cast<char*>(piece.data_ptr()), piece.nbytes()});
    use(begin, piece);
  }
}

}  // namespace

TorchFile::TorchFile(const fs::path& path) : archive_(checked(path)) {
  const std::string root = root_folder(archive_, path);
  check_byte_order(archive_, root, path);
  tensors_ = read_torch_state(archive_.read(root + "data.pkl", kMaxPickle), root + "data/", path.string());
  check_storages(tensors_, archive_, path);
}

void TorchFile::read(const std::string& name, const at::Tensor& out) const {
  const TorchTensor& tensor = tensors_.at(name);
  EL_ASSERT(out.is_contiguous() && out.sizes() == at::IntArrayRef(tensor.shape));
  if (out.numel() == 0) return;
  const auto copy_to = [](const at::Tensor& flat) {
    return [&flat](std::int64_t begin, const at::Tensor& piece) { flat.narrow(0, begin, piece.numel()).copy_(piece); };
  };
  const at::Tensor flat_out = out.view({-1});
  if (at::empty_strided(tensor.shape, tensor.strides, at::kMeta).is_contiguous()) {
    return for_each_piece(archive_, tensor, tensor.span, copy_to(flat_out));
  }
  const at::Tensor all = at::empty({tensor.span}, tensor.dtype);
  for_each_piece(archive_, tensor, tensor.span, copy_to(all));
  out.copy_(all.as_strided(tensor.shape, tensor.strides));
}

bool looks_like_torch(std::string_view head) {
  return head.starts_with("PK\x03\x04") || head.starts_with("PK\x05\x06") || head.starts_with(kOldMagic);
}

}  // namespace energy_lens
