// Where a run spends its time: named spans on each thread. Nobody recording costs one atomic load a span.
#pragma once
#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace energy_lens {

struct TraceEvent {
  std::string name;
  std::int64_t begin_us = 0, length_us = 0;  // from the recorder's start
  int thread = 0;                            // 0 is the first thread that was seen
};

// Records every TraceSpan of the process while it lives; at most one at a time. Spans that are still open when it ends
// are not in it.
class TraceRecorder {
 public:
  TraceRecorder();
  ~TraceRecorder();
  TraceRecorder(const TraceRecorder&) = delete;
  TraceRecorder& operator=(const TraceRecorder&) = delete;

  void add(std::string_view name, std::chrono::steady_clock::time_point begin);
  std::vector<TraceEvent> events() const;  // in the order in which they ended

  static TraceRecorder* active() { return active_.load(std::memory_order_acquire); }

 private:
  static std::atomic<TraceRecorder*> active_;
  std::chrono::steady_clock::time_point start_;
  mutable std::mutex mutex_;
  std::vector<TraceEvent> events_;
};

// From here to the end of the scope. name must outlive the span.
class TraceSpan {
 public:
  explicit TraceSpan(std::string_view name) : recorder_(TraceRecorder::active()), name_(name) {
    if (recorder_ != nullptr) begin_ = std::chrono::steady_clock::now();
  }
  ~TraceSpan() {
    if (recorder_ != nullptr && recorder_ == TraceRecorder::active()) recorder_->add(name_, begin_);
  }
  TraceSpan(const TraceSpan&) = delete;
  TraceSpan& operator=(const TraceSpan&) = delete;

 private:
  TraceRecorder* recorder_;
  std::string_view name_;
  std::chrono::steady_clock::time_point begin_;
};

}  // namespace energy_lens
