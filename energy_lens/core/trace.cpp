#include "energy_lens/core/trace.h"

#include "energy_lens/core/error.h"

namespace energy_lens {
namespace {

int thread_number() {
  static std::atomic<int> next{0};
  thread_local const int number = next.fetch_add(1);
  return number;
}

std::int64_t microseconds(std::chrono::steady_clock::duration span) {
  return std::chrono::duration_cast<std::chrono::microseconds>(span).count();
}

}  // namespace

std::atomic<TraceRecorder*> TraceRecorder::active_{nullptr};

TraceRecorder::TraceRecorder() : start_(std::chrono::steady_clock::now()) {
  TraceRecorder* none = nullptr;
  EL_ASSERT(active_.compare_exchange_strong(none, this));
}

TraceRecorder::~TraceRecorder() { active_.store(nullptr, std::memory_order_release); }

void TraceRecorder::add(std::string_view name, std::chrono::steady_clock::time_point begin) {
  const auto end = std::chrono::steady_clock::now();
  const std::lock_guard<std::mutex> lock(mutex_);
  events_.push_back({std::string(name), microseconds(begin - start_), microseconds(end - begin), thread_number()});
}

std::vector<TraceEvent> TraceRecorder::events() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return events_;
}

}  // namespace energy_lens
