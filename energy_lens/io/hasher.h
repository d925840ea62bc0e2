// A SHA digest of bytes that come in pieces.
#pragma once
#include <memory>
#include <string>
#include <string_view>

namespace energy_lens {

class Hasher {
 public:
  // Sha1 is for git object names only, where it identifies and does not protect.
  enum class Algorithm { Sha1, Sha256 };
  explicit Hasher(Algorithm algorithm);
  ~Hasher();
  Hasher(Hasher&&) noexcept;
  Hasher& operator=(Hasher&&) noexcept;

  void add(std::string_view bytes);
  // Lower-case hex. Nothing may be added afterwards.
  std::string hex();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

}  // namespace energy_lens
