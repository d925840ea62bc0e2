#include "energy_lens/attractor/decoding.h"

#include <algorithm>
#include <map>
#include <string>
#include <unordered_map>
#include <utility>

#include "energy_lens/attractor/cycles.h"
#include "energy_lens/core/error.h"

namespace energy_lens {
namespace {

using Window = std::vector<std::int64_t>;

struct WindowHash {
  std::size_t operator()(const Window& window) const {
    std::uint64_t hash = 14695981039346656037ull;  // FNV-1a over whole tokens
    for (const std::int64_t token : window) hash = (hash ^ static_cast<std::uint64_t>(token)) * 1099511628211ull;
    return static_cast<std::size_t>(hash ^ (hash >> 32));
  }
};

constexpr std::int64_t kUnknown = -1;

// All windows met so far, numbered in order of discovery, with the token that follows each.
struct WindowGraph {
  std::unordered_map<Window, std::int64_t, WindowHash> number;
  std::vector<const Window*> windows;  // keys of number, which never move
  std::vector<std::int64_t> tokens;    // kUnknown until evaluated

  std::int64_t intern(Window window) {
    const auto [entry, fresh] = number.try_emplace(std::move(window), static_cast<std::int64_t>(windows.size()));
    if (fresh) {
      windows.push_back(&entry->first);
      tokens.push_back(kUnknown);
    }
    return entry->second;
  }

  // The window after `id`, whose token is known.
  std::int64_t successor(std::int64_t id, std::int64_t limit) {
    Window after = *windows[id];
    after.push_back(tokens[id]);
    if (static_cast<std::int64_t>(after.size()) > limit) after.erase(after.begin());
    return intern(std::move(after));
  }
};

struct Path {
  std::vector<std::int64_t> states;                        // windows in order; the last is the current one
  std::unordered_map<std::int64_t, std::int64_t> step_of;  // window -> its index in states
  std::vector<std::int64_t> generated;
  std::int64_t entry = kUnknown;  // index in states of the window that came back
  bool stopped = false;
};

// Follows the path as far as the graph is known.
void follow(Path& path, WindowGraph& graph, const DecodingOptions& options) {
  while (!path.stopped) {
    const std::int64_t current = path.states.back();
    if (static_cast<std::int64_t>(path.generated.size()) == options.max_steps) {
      path.stopped = true;
    } else if (graph.tokens[current] == kUnknown) {
      return;
    } else {
      path.generated.push_back(graph.tokens[current]);
      const std::int64_t after = graph.successor(current, options.window);
      const auto [seen, fresh] = path.step_of.try_emplace(after, static_cast<std::int64_t>(path.states.size()));
      if (fresh) {
        path.states.push_back(after);
      } else {
        path.entry = seen->second;
        path.stopped = true;
      }
    }
  }
}

// Evaluates the distinct windows at which paths wait, `batch` at a time.
void evaluate(const std::vector<Path>& paths, WindowGraph& graph, const NextTokens& next, std::int64_t batch,
              Progress& progress) {
  std::vector<std::int64_t> waiting;
  for (const Path& path : paths) {
    if (!path.stopped) waiting.push_back(path.states.back());
  }
  std::sort(waiting.begin(), waiting.end());
  waiting.erase(std::unique(waiting.begin(), waiting.end()), waiting.end());
  for (std::size_t begin = 0; begin < waiting.size(); begin += static_cast<std::size_t>(batch)) {
    progress.check();
    const std::size_t end = std::min(waiting.size(), begin + static_cast<std::size_t>(batch));
    std::vector<Window> windows;
    for (std::size_t i = begin; i < end; ++i) windows.push_back(*graph.windows[waiting[i]]);
    const std::vector<std::int64_t> tokens = next(windows);
    EL_ASSERT(tokens.size() == windows.size());
    for (std::size_t i = begin; i < end; ++i) graph.tokens[waiting[i]] = tokens[i - begin];
  }
}

DecodingCycle result_of(Path& path) {
  DecodingCycle result;
  result.generated = std::move(path.generated);
  if (path.entry == kUnknown) return result;
  result.found = true;
  result.transient = path.entry;
  result.period = static_cast<std::int64_t>(result.generated.size()) - path.entry;
  result.cycle = canonical_rotation(std::span(result.generated).subspan(static_cast<std::size_t>(path.entry)));
  return result;
}

void check(const std::vector<Window>& prompts, const DecodingOptions& options) {
  if (options.window < 1 || options.max_steps < 1 || options.batch < 1) {
    fail(ErrorKind::Usage, "decoding_cycles",
         "got window " + std::to_string(options.window) + ", max_steps " + std::to_string(options.max_steps) +
             " and batch " + std::to_string(options.batch) + ", expected 1 or more each");
  }
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    if (prompts[i].empty()) {
      fail(ErrorKind::BadInput, "decoding_cycles",
           "got no tokens in prompt " + std::to_string(i) + ", expected at least one; leave empty prompts out");
    }
  }
}

}  // namespace

std::vector<DecodingCycle> decoding_cycles(const std::vector<Window>& prompts, const NextTokens& next,
                                           const DecodingOptions& options, Progress& progress) {
  check(prompts, options);
  progress.begin("decode prompts until they cycle", static_cast<std::int64_t>(prompts.size()));
  WindowGraph graph;
  std::vector<Path> paths(prompts.size());
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    const auto kept = std::min<std::ptrdiff_t>(options.window, std::ssize(prompts[i]));
    const std::int64_t start = graph.intern(Window(prompts[i].end() - kept, prompts[i].end()));
    paths[i].states.push_back(start);
    paths[i].step_of.emplace(start, 0);
  }
  for (std::size_t left = paths.size(); left > 0;) {
    evaluate(paths, graph, next, options.batch, progress);
    for (Path& path : paths) follow(path, graph, options);
    const auto running =
        static_cast<std::size_t>(std::ranges::count_if(paths, [](const Path& path) { return !path.stopped; }));
    progress.advance(static_cast<std::int64_t>(left - running));
    left = running;
  }
  std::vector<DecodingCycle> results;
  for (Path& path : paths) results.push_back(result_of(path));
  return results;
}

std::vector<Basin> basins(std::span<const DecodingCycle> cycles) {
  std::map<Window, std::vector<std::int64_t>> prompts;
  for (std::size_t i = 0; i < cycles.size(); ++i) {
    if (cycles[i].found) prompts[cycles[i].cycle].push_back(static_cast<std::int64_t>(i));
  }
  std::vector<Basin> result;
  for (auto& [cycle, members] : prompts) result.push_back({cycle, std::move(members)});
  std::ranges::stable_sort(result, [](const Basin& a, const Basin& b) { return a.prompts.size() > b.prompts.size(); });
  return result;
}

}  // namespace energy_lens
