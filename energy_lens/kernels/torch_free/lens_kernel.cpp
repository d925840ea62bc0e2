#include "energy_lens/kernels/torch_free/lens_kernel.h"

#include <algorithm>
#include <cmath>

#include "energy_lens/kernels/torch_free/lens_rows.h"

namespace energy_lens {
namespace {

// The height of a panel of W_U fixes how sums are added up, so it depends on the width and on how products are made.
constexpr int kHeightStep = 12;

// During so many of the last products with a panel the next one's weights are fetched.
constexpr std::int64_t kProductsAhead = 12;

// A panel row or column may be copied a vector too far.
constexpr std::int64_t kSpare = 32;

std::int64_t rounded_up(std::int64_t x, std::int64_t step) { return (x + step - 1) / step * step; }

std::int64_t panel_height(std::int64_t width, const LensTiles& tiles) {
  const std::int64_t step = std::max(kHeightStep, tiles.tile), most = tiles.most_height / step * step;
  return std::clamp<std::int64_t>(tiles.panel_bytes / (4 * width) / step * step, 2 * step, most);
}

struct Wanted {
  bool o = false, expected = false;  // accumulators a group needs
};

Wanted wanted_of(const LensJob& job, bool last) {
  Wanted wanted;
  for (const LensLayer& layer : job.layers) {
    wanted.o |= layer.gradient != nullptr || layer.expected_gradient != nullptr;
    wanted.expected |= !last && job.head.cap != 0.0f && layer.expected_gradient != nullptr;
  }
  return wanted;
}

std::int64_t kept_of(const LensJob& job) { return std::max<std::int64_t>(job.top_k, 2); }

struct Sizes {
  std::int64_t lanes, padded_width, height, buffer, block_stride;
};

Sizes sizes_of(const LensJob& job, const LensTiles& tiles) {
  Sizes s;
  s.lanes = tiles.lanes;
  s.padded_width = rounded_up(job.head.w.width, tiles.columns);
  s.height = panel_height(job.head.w.width, tiles);
  s.buffer = rounded_up(s.height, tiles.tile) * s.lanes;
  s.block_stride = rounded_up(s.height, tiles.tile) * tiles.tile + kSpare;
  return s;
}

std::int64_t group_bytes(const LensJob& job, const Sizes& s, bool last) {
  const Wanted wanted = wanted_of(job, last);
  const std::int64_t matrices = 1 + wanted.o + wanted.expected;
  return matrices * LensArena::bytes_of<float>(s.padded_width * s.lanes) + LensArena::bytes_of<LensGroup>(1) +
         LensArena::bytes_of<float>(s.lanes * kept_of(job)) + LensArena::bytes_of<std::int32_t>(s.lanes * kept_of(job));
}

// What does not grow with the chunk: the panel, its bias, five [height, lanes] buffers, two scratches.
std::int64_t fixed_bytes(const LensJob& job, const Sizes& s, const LensTiles& tiles) {
  return LensArena::bytes_of<float>(s.padded_width / tiles.tile * s.block_stride) +
         LensArena::bytes_of<float>(s.height + tiles.tile) + 5 * LensArena::bytes_of<float>(s.buffer) +
         LensArena::bytes_of<float>(s.padded_width * s.lanes) + LensArena::bytes_of<double>(job.head.w.width);
}

// All groups of a chunk and the buffers they share.
class Chunk {
 public:
  Chunk(const LensJob& job, const LensTiles& tiles, LensArena& arena, std::int64_t first, std::int64_t rows)
      : job_(job), tiles_(tiles), arena_(arena), s_(sizes_of(job, tiles)), first_(first), rows_(rows) {}

  // Layers [begin, begin + count) and the last one, whose outputs are written too.
  void run(std::int64_t begin, std::int64_t count) {
    start(begin, count);
    const std::int64_t vocabulary = job_.head.w.vocabulary;
    for (std::int64_t v = 0; v < vocabulary; v += s_.height) {
      load_panel(v, std::min(s_.height, vocabulary - v));
      for (std::int64_t g = 0; g < groups_; ++g) work_on(g);
    }
    for (std::int64_t g = 0; g < groups_; ++g) {
      for (std::int64_t layer = 0; layer < layers_; ++layer) {
        finish_group(job_, tiles_, group(layer, g), group(layers_ - 1, g), row_scratch_);
      }
    }
  }

 private:
  LensGroup& group(std::int64_t layer, std::int64_t g) { return *all_[g * layers_ + layer]; }

  void start(std::int64_t begin, std::int64_t count) {
    groups_ = (rows_ + s_.lanes - 1) / s_.lanes;
    layers_ = count + 1;
    const std::int64_t last_bytes = group_bytes(job_, s_, true), other_bytes = group_bytes(job_, s_, false);
    arena_.reset(fixed_bytes(job_, s_, tiles_) + groups_ * (last_bytes + count * other_bytes) +
                 LensArena::bytes_of<LensGroup*>(groups_ * layers_));
    packed_ = arena_.take<float>(s_.padded_width / tiles_.tile * s_.block_stride);
    bias_ = arena_.take<float>(s_.height + tiles_.tile);
    for (float** buffer : {&logits_, &raw_, &final_logits_, &final_weights_, &expected_weights_}) {
      *buffer = arena_.take<float>(s_.buffer);
    }
    column_scratch_ = arena_.take<float>(s_.padded_width * s_.lanes);
    row_scratch_ = arena_.take<double>(job_.head.w.width);
    all_ = arena_.take<LensGroup*>(groups_ * layers_);
    for (std::int64_t g = 0; g < groups_; ++g) {
      for (std::int64_t layer = 0; layer < count; ++layer) start_group(begin + layer, layer, g);
      start_group(static_cast<std::int64_t>(job_.layers.size()) - 1, count, g);
    }
  }

  void start_group(std::int64_t layer, std::int64_t slot, std::int64_t g) {
    LensGroup* const made = new (arena_.take<LensGroup>(1)) LensGroup;
    all_[g * layers_ + slot] = made;
    const Wanted wanted = wanted_of(job_, slot + 1 == layers_);
    made->layer = &job_.layers[static_cast<std::size_t>(layer)];
    made->first = first_ + g * s_.lanes;
    made->count = std::min(s_.lanes, first_ + rows_ - made->first);
    made->y = arena_.take<float>(s_.padded_width * s_.lanes);
    if (wanted.o) made->o = arena_.take<float>(s_.padded_width * s_.lanes);
    if (wanted.expected) made->expected = arena_.take<float>(s_.padded_width * s_.lanes);
    made->sums.kept = kept_of(job_);
    made->sums.kept_values = arena_.take<float>(s_.lanes * made->sums.kept);
    made->sums.kept_ids = arena_.take<std::int32_t>(s_.lanes * made->sums.kept);
    begin_group(job_, tiles_, s_.padded_width, *made, column_scratch_);
  }

  void load_panel(std::int64_t first, std::int64_t count) {
    products_ = 0;
    panel_.packed = packed_;
    panel_.first = first;
    panel_.count = count;
    panel_.padded = rounded_up(count, tiles_.tile);
    panel_.blocks = s_.padded_width / tiles_.tile;
    panel_.block_stride = s_.block_stride;
    if (job_.head.bias != nullptr) {
      std::fill_n(std::copy_n(job_.head.bias + first, count, bias_), panel_.padded - count, 0.0f);
      panel_.bias = bias_;
    }
    tiles_.pack(job_.head.w, panel_, packed_);
  }

  // One panel for one group of rows, the last layer first: the others are compared with it.
  void work_on(std::int64_t g) {
    const std::int64_t size = panel_.count * s_.lanes;
    LensGroup& last = group(layers_ - 1, g);
    const float* next = layers_ > 1 ? group(0, g).y : first_y(g + 1);
    product(last, next);
    if (layers_ > 1) std::copy_n(logits_, size, final_logits_);
    tiles_.measure(panel_, {}, last.sums, logits_);
    if (layers_ > 1) keep_final_weights(last, size);
    accumulate(last, next, size);
    const LensFinal final_panel{&last.sums, final_logits_, final_weights_};
    for (std::int64_t layer = 0; layer + 1 < layers_; ++layer) {
      LensGroup& other = group(layer, g);
      next = layer + 2 < layers_ ? group(layer + 1, g).y : first_y(g + 1);
      product(other, next);
      if (other.expected != nullptr) accumulate_expected(other, last, size);
      tiles_.measure(panel_, final_panel, other.sums, logits_);
      accumulate(other, next, size);
    }
  }

  // What is read first when rows g are worked on; after the last rows it is the first rows' again.
  const float* first_y(std::int64_t g) { return group(layers_ - 1, g < groups_ ? g : 0).y; }

  // The weights of the next panel come nearer during the last products with this one; sooner, the rows and sums that go
  // by would push them out again.
  void look_ahead() {
    const LensMatrix& w = job_.head.w;
    const std::int64_t row_bytes = w.stride * (w.bfloat16 ? 2 : 4), first = panel_.first + panel_.count;
    const std::int64_t products = groups_ * layers_, shares = std::min(kProductsAhead, products);
    const std::int64_t share = products_++ - (products - shares);  // below 0: too early
    panel_.ahead_bytes = share < 0 ? 0 : std::min(s_.height, w.vocabulary - first) * row_bytes / shares;
    panel_.ahead = static_cast<const std::byte*>(w.values) + first * row_bytes + share * panel_.ahead_bytes;
  }

  void product(const LensGroup& group, const float* next) {
    look_ahead();
    tiles_.multiply(panel_, group.y, group.o != nullptr ? group.o : next, logits_);
    if (job_.head.cap == 0.0f) return;
    tiles_.cap(panel_.padded * s_.lanes, job_.head.cap, logits_);
    std::copy_n(logits_, panel_.count * s_.lanes, raw_);
  }

  void keep_final_weights(const LensGroup& last, std::int64_t size) {
    std::copy_n(logits_, size, final_weights_);
    for (std::int64_t r = 0; r < s_.lanes; ++r) {
      const std::int64_t at = last.sums.target[r] - panel_.first;
      if (at < 0 || at >= panel_.count) continue;
      final_weights_[at * s_.lanes + r] = std::exp(last.sums.target_logit[r] - last.sums.largest[r]);
    }
  }

  void accumulate(LensGroup& group, const float* next, std::int64_t size) {
    if (group.o == nullptr) return;
    if (job_.head.cap != 0.0f) tiles_.slope(size, job_.head.cap, raw_, logits_);
    tiles_.accumulate(panel_, logits_, group.sums.rescale, next, group.o);
  }

  void accumulate_expected(LensGroup& group, const LensGroup& last, std::int64_t size) {
    std::copy_n(final_weights_, size, expected_weights_);
    tiles_.slope(size, job_.head.cap, raw_, expected_weights_);
    tiles_.accumulate(panel_, expected_weights_, last.sums.rescale, group.o, group.expected);
  }

  const LensJob& job_;
  const LensTiles& tiles_;
  LensArena& arena_;
  const Sizes s_;
  const std::int64_t first_, rows_;
  std::int64_t groups_ = 0, layers_ = 0, products_ = 0;  // of them done with this panel
  LensPanel panel_;
  float *packed_ = nullptr, *bias_ = nullptr, *logits_ = nullptr, *raw_ = nullptr, *final_logits_ = nullptr,
        *final_weights_ = nullptr, *expected_weights_ = nullptr, *column_scratch_ = nullptr;
  double* row_scratch_ = nullptr;
  LensGroup** all_ = nullptr;
};

}  // namespace

LensChunk lens_chunk(const LensJob& job, const LensTiles& tiles, std::int64_t bytes) {
  const Sizes s = sizes_of(job, tiles);
  const std::int64_t others = static_cast<std::int64_t>(job.layers.size()) - 1;
  const std::int64_t pointer = LensArena::bytes_of<LensGroup*>(1), room = bytes - fixed_bytes(job, s, tiles);
  const std::int64_t last = group_bytes(job, s, true) + pointer, other = group_bytes(job, s, false) + pointer;
  LensChunk chunk;
  chunk.layers = std::clamp<std::int64_t>((room - last) / other, std::min<std::int64_t>(1, others), others);
  const std::int64_t useful = std::max<std::int64_t>(1, tiles.useful_rows / (s.lanes * (chunk.layers + 1)));
  const std::int64_t fitting = std::max<std::int64_t>(1, room / (last + chunk.layers * other));
  chunk.rows = std::min(useful, fitting) * s.lanes;
  return chunk;
}

void lens_rows_of_chunk(const LensJob& job, const LensChunk& chunk, std::int64_t begin, const LensTiles& tiles,
                        LensArena& arena) {
  Chunk work(job, tiles, arena, begin, std::min(chunk.rows, job.rows - begin));
  const std::int64_t others = static_cast<std::int64_t>(job.layers.size()) - 1;
  work.run(0, std::min(chunk.layers, others));
  for (std::int64_t layer = chunk.layers; layer < others; layer += chunk.layers) {
    work.run(layer, std::min(chunk.layers, others - layer));
  }
}

}  // namespace energy_lens
