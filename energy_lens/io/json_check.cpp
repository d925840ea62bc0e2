#include "energy_lens/io/json_check.h"

#include <string_view>
#include <type_traits>
#include <unordered_set>
#include <vector>

#include "energy_lens/core/error.h"
#include "energy_lens/io/utf8.h"

namespace energy_lens {
namespace {

constexpr std::size_t kMaxDepth = 200;

// Puts the parser's events together. Every key and container is seen once, where the library's own callback, and its
// ordered objects, look through what is there already again and again: that takes the square of a file's size.
template <typename Value>
class Builder {
 public:
  Builder(const std::string& what, std::int64_t most) : what_(what), most_(most) {}
  Value take() { return std::move(root_); }

  bool null() { return add(nullptr); }
  bool boolean(bool value) { return add(value); }
  bool number_integer(std::int64_t value) { return add(value); }
  bool number_unsigned(std::uint64_t value) { return add(value); }
  bool number_float(double value, const std::string&) { return add(value); }
  bool string(std::string& value) { return add(std::move(value)); }
  bool binary(typename Value::binary_t&) { return false; }  // not in text
  bool start_object(std::size_t) { return open(Value::object()); }
  bool start_array(std::size_t) { return open(Value::array()); }
  bool end_object() { return close(); }
  bool end_array() { return close(); }
  bool key(std::string& name) {
    count();
    member_ = new_member(name);
    if (member_ == nullptr) refuse("has the key '" + utf8_prefix(name, 100) + "' twice");
    return true;
  }
  // The library goes on with what it read last, which may be long and end inside a character.
  bool parse_error(std::size_t, const std::string&, const Json::exception& error) {
    const std::string_view problem = error.what();
    fail(ErrorKind::BadInput, "read_json",
         what_ + " is not JSON: " + std::string(problem.substr(0, problem.find("; last read"))));
  }

 private:
  struct Open {
    Value* value;
    std::unordered_set<std::string> keys;  // of an object that keeps its members' order and has no index
  };

  [[noreturn]] void refuse(const std::string& why) const { fail(ErrorKind::BadInput, "read_json", what_ + " " + why); }

  void count() {
    if (++count_ > most_) {
      refuse("has more than " + std::to_string(most_) + " keys and values, expected no more in such a file");
    }
  }

  // nullptr where it is there already.
  Value* new_member(const std::string& name) {
    auto& members = open_.back().value->template get_ref<typename Value::object_t&>();
    if constexpr (std::is_same_v<Value, SortedJson>) {
      const auto [at, is_new] = members.try_emplace(name);
      return is_new ? &at->second : nullptr;
    } else {
      if (!open_.back().keys.insert(name).second) return nullptr;
      return &static_cast<typename Value::object_t::Container&>(members).emplace_back(name, nullptr).second;
    }
  }

  // Stays where it is as long as it is open: its parent takes no other value meanwhile.
  Value* place(Value&& value) {
    count();
    Value* at = &root_;
    if (!open_.empty() && open_.back().value->is_array()) {
      at = &open_.back().value->template get_ref<typename Value::array_t&>().emplace_back();
    } else if (!open_.empty()) {
      at = member_;
    }
    *at = std::move(value);
    return at;
  }

  template <typename Scalar>
  bool add(Scalar&& value) {
    place(Value(std::forward<Scalar>(value)));
    return true;
  }
  bool open(Value&& container) {
    if (open_.size() >= kMaxDepth) refuse("is nested deeper than " + std::to_string(kMaxDepth) + " levels");
    open_.push_back({place(std::move(container)), {}});
    return true;
  }
  bool close() {
    open_.pop_back();
    return true;
  }

  const std::string& what_;
  Value root_;
  Value* member_ = nullptr;  // of the last key
  std::vector<Open> open_;
  std::int64_t count_ = 0;
  const std::int64_t most_;
};

template <typename Value>
Value parse(std::string_view text, const std::string& what, std::int64_t most = kMostJsonValues) {
  if (!is_utf8(text)) fail(ErrorKind::BadInput, "read_json", what + " is not UTF-8");
  Builder<Value> builder(what, most);
  Value::sax_parse(text.begin(), text.end(), &builder);
  return builder.take();
}

}  // namespace

Json parse_json(std::string_view text, const std::string& what) { return parse<Json>(text, what); }

Json read_json(const std::filesystem::path& path, std::uint64_t max_bytes, std::int64_t max_values) {
  return parse<Json>(read_file(path, max_bytes), path.string(), max_values);
}

SortedJson read_sorted_json(const std::filesystem::path& path, std::uint64_t max_bytes) {
  return parse<SortedJson>(read_file(path, max_bytes), path.string());
}

}  // namespace energy_lens
