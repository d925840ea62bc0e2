#include "energy_lens/io/pickle.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "energy_lens/core/error.h"

namespace energy_lens {
namespace {

constexpr std::size_t kMaxNodes = 1 << 21;
constexpr std::string_view kOrderedDict = "collections.OrderedDict";

// The stack machine of PEP 307 and PEP 3154, for the opcodes of kOpcodes alone.
class Machine {
 public:
  using Id = Pickle::Id;
  using Kind = Pickle::Kind;
  using Node = Pickle::Node;

  Machine(std::string_view bytes, std::span<const std::string_view> allowed, const std::string& what)
      : bytes_(bytes), allowed_(allowed), what_(what) {}

  Id run();
  std::vector<Node> take_nodes() { return std::move(nodes_); }

  void protocol();
  void frame() { take(8); }
  void mark() { marks_.push_back(stack_.size()); }
  void none() { push({}); }
  void yes() { push({.kind = Kind::Bool, .integer = 1}); }
  void no() { push({.kind = Kind::Bool}); }
  void int_1() { push_integer(static_cast<std::int64_t>(number(1))); }
  void int_2() { push_integer(static_cast<std::int64_t>(number(2))); }
  void int_4() { push_integer(static_cast<std::int32_t>(number(4))); }
  void long_1();
  void real();
  void text_1() { text(number(1)); }
  void text_4() { text(number(4)); }
  void text_8() { text(number(8)); }
  void empty_tuple() { push({.kind = Kind::Tuple}); }
  void empty_list() { push({.kind = Kind::List}); }
  void empty_dict() { push({.kind = Kind::Dict}); }
  void tuple_to_mark() { push({.kind = Kind::Tuple, .items = pop_to_mark()}); }
  void tuple_1() { tuple(1); }
  void tuple_2() { tuple(2); }
  void tuple_3() { tuple(3); }
  void append() { add({pop()}, Kind::List, "a list"); }
  void appends() { add(pop_to_mark(), Kind::List, "a list"); }
  void set_item();
  void set_items();
  void put_1() { put(number(1)); }
  void put_4() { put(number(4)); }
  void memoize() { put(memo_.size()); }
  void get_1() { get(number(1)); }
  void get_4() { get(number(4)); }
  void global();
  void stack_global();
  void reduce();
  void build();
  void persistent() { push({.kind = Kind::Persistent, .items = {pop()}}); }

 private:
  static constexpr Id kUnset = ~Id{0};

  [[noreturn]] void refuse(const std::string& reason) const {
    fail(ErrorKind::BadInput, "pickle", what_ + " at byte " + std::to_string(op_at_) + " " + reason);
  }
  std::string_view take(std::uint64_t size) {
    if (size > bytes_.size() - at_) {
      refuse("needs " + std::to_string(size) + " more bytes, " + std::to_string(bytes_.size() - at_) + " are left");
    }
    at_ += size;
    return bytes_.substr(at_ - size, size);
  }
  std::uint64_t number(std::size_t size) {  // little-endian
    std::uint64_t value = 0;
    std::memcpy(&value, take(size).data(), size);
    return value;
  }
  std::string_view line() {
    const std::size_t end = bytes_.find('\n', at_);
    if (end == std::string_view::npos) refuse("has a name that does not end");
    const std::string_view found = take(end - at_);
    take(1);
    return found;
  }
  void push(Node node) {
    if (nodes_.size() == kMaxNodes) refuse("holds more than " + std::to_string(kMaxNodes) + " objects");
    nodes_.push_back(std::move(node));
    stack_.push_back(static_cast<Id>(nodes_.size() - 1));
  }
  void push_integer(std::int64_t value) { push({.kind = Kind::Integer, .integer = value}); }
  void text(std::uint64_t size) { push({.kind = Kind::Text, .text = take(size)}); }
  std::size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }
  Id pop() {
    if (stack_.size() <= floor()) refuse("takes an object from an empty stack");
    const Id top = stack_.back();
    stack_.pop_back();
    return top;
  }
  std::vector<Id> pop_to_mark() {
    if (marks_.empty()) refuse("looks for a mark that was never set");
    const auto begin = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
    std::vector<Id> items(begin, stack_.end());
    stack_.erase(begin, stack_.end());
    marks_.pop_back();
    return items;
  }
  void tuple(std::size_t size);
  void add(const std::vector<Id>& items, Kind kind, const char* expected);
  void put(std::uint64_t index);
  void get(std::uint64_t index);
  void push_global(const std::string& name);

  std::string_view bytes_;
  std::span<const std::string_view> allowed_;
  const std::string& what_;
  std::size_t at_ = 0, op_at_ = 0;
  std::vector<Node> nodes_;
  std::vector<Id> stack_, memo_;
  std::vector<std::size_t> marks_;
};

struct Opcode {
  std::uint8_t code;
  void (Machine::*run)();
};

constexpr std::uint8_t kStop = '.';
constexpr auto kOpcodes = std::to_array<Opcode>({
    {0x80, &Machine::protocol},  {0x95, &Machine::frame},        {'(', &Machine::mark},
    {'N', &Machine::none},       {0x88, &Machine::yes},          {0x89, &Machine::no},
    {'K', &Machine::int_1},      {'M', &Machine::int_2},         {'J', &Machine::int_4},
    {0x8a, &Machine::long_1},    {'G', &Machine::real},          {0x8c, &Machine::text_1},
    {'X', &Machine::text_4},     {0x8d, &Machine::text_8},       {')', &Machine::empty_tuple},
    {']', &Machine::empty_list}, {'}', &Machine::empty_dict},    {'t', &Machine::tuple_to_mark},
    {0x85, &Machine::tuple_1},   {0x86, &Machine::tuple_2},      {0x87, &Machine::tuple_3},
    {'a', &Machine::append},     {'e', &Machine::appends},       {'s', &Machine::set_item},
    {'u', &Machine::set_items},  {'q', &Machine::put_1},         {'r', &Machine::put_4},
    {0x94, &Machine::memoize},   {'h', &Machine::get_1},         {'j', &Machine::get_4},
    {'c', &Machine::global},     {0x93, &Machine::stack_global}, {'R', &Machine::reduce},
    {'b', &Machine::build},      {'Q', &Machine::persistent},
});

std::string hexadecimal(std::uint8_t byte) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  return {'0', 'x', kDigits[byte >> 4], kDigits[byte & 15]};
}

Machine::Id Machine::run() {
  while (true) {
    op_at_ = at_;
    const auto code = static_cast<std::uint8_t>(number(1));
    if (code == kStop) break;
    const auto found = std::ranges::find(kOpcodes, code, &Opcode::code);
    if (found == kOpcodes.end()) {
      refuse("has opcode " + hexadecimal(code) + ", which torch.save does not write for tensors; nothing was executed");
    }
    (this->*found->run)();
  }
  const Id top = pop();
  if (!stack_.empty() || !marks_.empty()) refuse("stops with objects left on its stack");
  return top;
}

void Machine::protocol() {
  const std::uint64_t version = number(1);
  if (version < 2 || version > 5) refuse("has pickle protocol " + std::to_string(version) + ", expected 2 to 5");
}

void Machine::long_1() {
  const std::uint64_t size = number(1);
  if (size > 8) refuse("has an integer of " + std::to_string(size) + " bytes, expected at most 8");
  const std::uint64_t raw = number(size);
  const int unused = size == 0 ? 0 : static_cast<int>(64 - 8 * size);  // two's complement: the top byte holds the sign
  push_integer(static_cast<std::int64_t>(raw << unused) >> unused);
}

void Machine::real() {  // big-endian, alone among the numbers
  std::uint64_t bits = 0;
  for (const char byte : take(8)) bits = bits << 8 | static_cast<std::uint8_t>(byte);
  push({.kind = Kind::Real, .real = std::bit_cast<double>(bits)});
}

void Machine::tuple(std::size_t size) {
  std::vector<Id> items(size);
  for (std::size_t i = size; i > 0; --i) items[i - 1] = pop();
  push({.kind = Kind::Tuple, .items = std::move(items)});
}

void Machine::add(const std::vector<Id>& items, Kind kind, const char* expected) {
  if (stack_.size() <= floor() || nodes_[stack_.back()].kind != kind) {
    refuse(std::string("adds items to something that is not ") + expected);
  }
  std::vector<Id>& all = nodes_[stack_.back()].items;
  all.insert(all.end(), items.begin(), items.end());
}

void Machine::set_item() {
  const Id value = pop(), key = pop();
  add({key, value}, Kind::Dict, "a dictionary");
}

void Machine::set_items() {
  const std::vector<Id> items = pop_to_mark();
  if (items.size() % 2 != 0) refuse("has a key without a value");
  add(items, Kind::Dict, "a dictionary");
}

// Writers number their memo in order, so an index beyond the number of objects is no writer's.
void Machine::put(std::uint64_t index) {
  if (stack_.size() <= floor()) refuse("memoizes an object of an empty stack");
  if (index > kMaxNodes || index > 2 * nodes_.size()) {
    refuse("has memo index " + std::to_string(index) + ", expected one for each object it has made");
  }
  if (memo_.size() <= index) memo_.resize(index + 1, kUnset);
  memo_[index] = stack_.back();
}

void Machine::get(std::uint64_t index) {
  if (index >= memo_.size() || memo_[index] == kUnset) {
    refuse("asks for memo index " + std::to_string(index) + ", which was never set");
  }
  stack_.push_back(memo_[index]);
}

void Machine::global() {
  const std::string_view module = line(), name = line();
  push_global(std::string(module) + "." + std::string(name));
}

void Machine::stack_global() {
  const Node &name = nodes_[pop()], &module = nodes_[pop()];
  if (name.kind != Kind::Text || module.kind != Kind::Text) refuse("names a global by something that is not text");
  push_global(std::string(module.text) + "." + std::string(name.text));
}

void Machine::push_global(const std::string& name) {
  if (name == kOrderedDict) return push({.kind = Kind::Global, .text = kOrderedDict});
  const auto found = std::ranges::find(allowed_, name);
  if (found == allowed_.end()) {
    std::string shown = name.substr(0, 200);
    std::ranges::replace_if(shown, [](char c) { return c < ' ' || c > '~'; }, '?');
    refuse("asks for " + shown +
           ", which a file of tensors does not need; nothing was executed. If you trust the file, " +
           "load it with torch and save its state_dict as safetensors");
  }
  push({.kind = Kind::Global, .text = *found});
}

void Machine::reduce() {
  const Id arguments = pop(), function = pop();
  if (nodes_[function].kind != Kind::Global || nodes_[arguments].kind != Kind::Tuple) {
    refuse("calls something that is not a named global");
  }
  if (nodes_[function].text != kOrderedDict) {
    return push({.kind = Kind::Call, .items = {function, arguments}});
  }
  if (!nodes_[arguments].items.empty()) refuse("makes an OrderedDict from arguments, expected an empty one");
  push({.kind = Kind::Dict});
}

// An OrderedDict's attributes (a state_dict's _metadata) are dropped; nothing else may have any.
void Machine::build() {
  const Id state = pop();
  if (stack_.size() <= floor() || nodes_[stack_.back()].kind != Kind::Dict || nodes_[state].kind != Kind::Dict) {
    refuse("sets attributes on an object other than an OrderedDict; nothing was executed");
  }
}

}  // namespace

Pickle Pickle::parse(std::vector<char> bytes, std::span<const std::string_view> allowed, const std::string& what) {
  Pickle pickle;
  pickle.bytes_ = std::move(bytes);
  Machine machine({pickle.bytes_.data(), pickle.bytes_.size()}, allowed, what);
  pickle.root_ = machine.run();
  pickle.nodes_ = machine.take_nodes();
  return pickle;
}

}  // namespace energy_lens
