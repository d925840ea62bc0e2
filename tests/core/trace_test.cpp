#include "energy_lens/core/trace.h"

#include <gtest/gtest.h>

#include <thread>

namespace energy_lens {
namespace {

TEST(Trace, SpansNestAndNameTheirThread) {
  TraceRecorder recorder;
  {
    const TraceSpan outer("outer");
    {
      const TraceSpan inner("inner");
    }
    std::thread([] { const TraceSpan other("other"); }).join();
  }
  const std::vector<TraceEvent> events = recorder.events();
  ASSERT_EQ(events.size(), 3u);
  EXPECT_EQ(events[0].name, "inner");
  EXPECT_EQ(events[1].name, "other");
  EXPECT_EQ(events[2].name, "outer");
  EXPECT_EQ(events[0].thread, events[2].thread);
  EXPECT_NE(events[1].thread, events[2].thread);
  for (int i : {0, 1}) {
    EXPECT_GE(events[static_cast<std::size_t>(i)].begin_us, events[2].begin_us);
    EXPECT_LE(events[static_cast<std::size_t>(i)].begin_us + events[static_cast<std::size_t>(i)].length_us,
              events[2].begin_us + events[2].length_us + 1);  // each is cut to whole microseconds
  }
}

TEST(Trace, NobodyRecordingRecordsNothing) {
  {
    const TraceSpan span("before");
  }
  TraceRecorder recorder;
  EXPECT_TRUE(recorder.events().empty());
}

TEST(Trace, ASpanThatOutlivesItsRecorderIsDropped) {
  auto recorder = std::make_unique<TraceRecorder>();
  const TraceSpan span("open");
  recorder.reset();
  EXPECT_EQ(TraceRecorder::active(), nullptr);
}

}  // namespace
}  // namespace energy_lens
