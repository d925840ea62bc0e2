// Memory asked for before it is read, for one instruction set.
#if defined(ENERGY_LENS_AHEAD_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ENERGY_LENS_AHEAD_INL_H_
#undef ENERGY_LENS_AHEAD_INL_H_
#else
#define ENERGY_LENS_AHEAD_INL_H_
#endif

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "energy_lens/kernels/torch_free/register_tile-inl.h"

HWY_BEFORE_NAMESPACE();
namespace energy_lens {
namespace HWY_NAMESPACE {
namespace {

// Memory that is read soon: it is asked for a few lines at a time while products are made, so that they need not wait.
class Ahead {
 public:
  Ahead() = default;
  // rows of `bytes` bytes, `stride` bytes apart, over the next `calls` calls.
  Ahead(const void* from, std::int64_t stride, std::int64_t bytes, std::int64_t rows, std::int64_t calls)
      : from_(static_cast<const std::byte*>(from)),
        stride_(stride),
        lines_((bytes + kLine - 1) / kLine),
        left_(rows * lines_),
        share_((left_ + calls - 1) / calls) {}

  HWY_INLINE void operator()() {
    for (std::int64_t i = std::min(share_, left_); i > 0; --i) {
      __builtin_prefetch(from_ + line_ * kLine, 0, 2);
      if (++line_ == lines_) {
        line_ = 0;
        from_ += stride_;
      }
    }
    left_ -= std::min(share_, left_);
  }

 private:
  static constexpr std::int64_t kLine = 64;
  const std::byte* from_ = nullptr;
  std::int64_t stride_ = 0, lines_ = 0, left_ = 0, share_ = 0, line_ = 0;
};

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace energy_lens
HWY_AFTER_NAMESPACE();

#endif
