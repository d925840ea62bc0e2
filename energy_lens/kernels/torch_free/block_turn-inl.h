// Squares of bf16 numbers, turned for products of blocks. Included once a target, after block_dot-inl.h: hence no
// include guard.
EL_BEFORE_BLOCKS()
namespace energy_lens {
namespace HWY_NAMESPACE {
namespace {

#if HWY_TARGET != HWY_SCALAR
// Columns [0, 8) of eight rows, turned: to[c][r].
HWY_INLINE void TurnEight(const std::uint16_t* from, std::int64_t stride, std::uint16_t* to, std::int64_t to_stride) {
  const hn::Full128<std::uint16_t> h;
  const hn::Full128<std::uint32_t> w;
  const hn::Full128<std::uint64_t> d;
  hn::Vec<hn::Full128<std::uint32_t>> low[4], high[4];
  EL_UNROLL for (int p = 0; p < 4; ++p) {  // pairs of rows, of columns 0..3 and 4..7
    const auto first = hn::LoadU(h, from + 2 * p * stride), second = hn::LoadU(h, from + (2 * p + 1) * stride);
    low[p] = hn::BitCast(w, hn::InterleaveLower(h, first, second));
    high[p] = hn::BitCast(w, hn::InterleaveUpper(h, first, second));
  }
  const auto store = [&](const hn::Vec<hn::Full128<std::uint32_t>>(&pairs)[4], std::uint16_t* at) {
    const auto a = hn::BitCast(d, hn::InterleaveLower(w, pairs[0], pairs[1]));
    const auto b = hn::BitCast(d, hn::InterleaveLower(w, pairs[2], pairs[3]));
    const auto c = hn::BitCast(d, hn::InterleaveUpper(w, pairs[0], pairs[1]));
    const auto e = hn::BitCast(d, hn::InterleaveUpper(w, pairs[2], pairs[3]));
    hn::Store(hn::BitCast(h, hn::InterleaveLower(d, a, b)), h, at);
    hn::Store(hn::BitCast(h, hn::InterleaveUpper(d, a, b)), h, at + to_stride);
    hn::Store(hn::BitCast(h, hn::InterleaveLower(d, c, e)), h, at + 2 * to_stride);
    hn::Store(hn::BitCast(h, hn::InterleaveUpper(d, c, e)), h, at + 3 * to_stride);
  };
  store(low, to);
  store(high, to + 4 * to_stride);
}
#else
HWY_INLINE void TurnEight(const std::uint16_t* from, std::int64_t stride, std::uint16_t* to, std::int64_t to_stride) {
  for (int i = 0; i < 64; ++i) to[i % 8 * to_stride + i / 8] = from[i / 8 * stride + i % 8];
}
#endif

// A square of 32 x 32 numbers, turned; strides in numbers.
HWY_INLINE void TurnSquare(const std::uint16_t* from, std::int64_t stride, std::uint16_t* to, std::int64_t to_stride) {
  for (int r = 0; r < kBlockRows; r += 8) {
    for (int c = 0; c < kStepTerms; c += 8) TurnEight(from + r * stride + c, stride, to + c * to_stride + r, to_stride);
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace energy_lens
EL_AFTER_BLOCKS()
