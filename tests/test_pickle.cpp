#include <doctest/doctest.h>

#include <string>

#include "tests/support/error_of.h"
#include "tests/support/pickle_builder.h"
#include "weights/pickle.h"
#include "weights/torch_objects.h"

using namespace ofer;
using test::dictionary_of;
using test::error_of;
using test::has;
using test::le;
using test::name;
using test::pickle;
using test::PickledTensor;
using test::tuple;
using test::unicode;
using test::whole;
using Kind = PickleValue::Kind;

namespace {

struct Read {
  std::string bytes;
  TorchObjects objects;
  Pickle pickle;
  explicit Read(std::string content)
      : bytes(std::move(content)), pickle(std::as_bytes(std::span(bytes)), "test", objects) {}
};

std::string error_for(const std::string& bytes) {
  return error_of([&] { Read{bytes}; });
}
// Of a pickle with these opcodes.
std::string refused(const std::string& opcodes, char protocol = 2) {
  return error_for(pickle(opcodes, protocol));
}

PickleValue value_of(const std::string& opcodes) {
  return Read(pickle(opcodes, 5)).pickle.top();
}

std::string tensor_error(const PickledTensor& tensor) {
  return error_for(dictionary_of(tensor));
}

}  // namespace

TEST_SUITE("pickle") {
  TEST_CASE("plain values") {
    CHECK(value_of("N").is(Kind::kNone));
    CHECK(value_of("\x88").bits == 1);
    CHECK(value_of("\x89").is(Kind::kBool));
    CHECK(value_of("J" + le(std::int32_t{-5})).integer() == -5);
    CHECK(value_of("K\xff").integer() == 255);
    CHECK(value_of(std::string("M\xff\xff")).integer() == 65535);
    CHECK(value_of(std::string("\x8a\x00", 2)).integer() == 0);
    CHECK(value_of("\x8a\x01\xff").integer() == -1);
    CHECK(value_of("\x8a\x02\xff\x7f").integer() == 32767);
    CHECK(value_of(whole(-1234567890123456789)).integer() == -1234567890123456789);
    CHECK(value_of(std::string("\x8a\x09\xff\xff\xff\xff\xff\xff\xff\xff\x00", 11))
              .is(Kind::kLongInteger));
    CHECK(value_of(std::string("\x8b\x01\0\0\0\x05", 6)).integer() == 5);
    CHECK(value_of(std::string("G\xbf\xf8\0\0\0\0\0\0", 9)).real() == -1.5);
    const Read text(pickle("U\x02hi"));
    CHECK(text.pickle.text(text.pickle.top()) == "hi");
    const Read bytes(pickle("\x8e" + le(std::uint64_t{3}) + "abc", 4));
    CHECK(bytes.pickle.text(bytes.pickle.top()) == "abc");
    CHECK(bytes.pickle.top().is(Kind::kBytes));
  }

  TEST_CASE("lists, tuples, dictionaries, the memo, frames") {
    const Read read(pickle("\x95" + le(std::uint64_t{20}) + "](K\x01K\x02" + "eq" + '\0' +
                               "K\x03\x61" + "h" + '\0' + "\x86\x94" + "K\x05K\x06\x86" + "\x86",
                           4));
    const auto outer = read.pickle.items(read.pickle.top());
    REQUIRE(outer.size() == 2);
    const auto first = read.pickle.items(outer[0]);
    REQUIRE(first.size() == 2);
    REQUIRE(read.pickle.items(first[0]).size() == 3);
    CHECK(first[0].bits == first[1].bits);  // one list, in two places
    CHECK(read.pickle.items(first[0])[2].integer() == 3);
    const Read dictionary(pickle("}(K\x01NK\x02NuK\x03Ns"));
    CHECK(dictionary.pickle.items(dictionary.pickle.top()).size() == 6);
    // The items that Python 2 gives an OrderedDict.
    const Read ordered(pickle(name("collections", "OrderedDict") + "](](K\x01K\x02" + "ee\x85R"));
    CHECK(ordered.pickle.items(ordered.pickle.top()).size() == 2);
    CHECK(ordered.pickle.size() == ordered.bytes.size());
  }

  TEST_CASE("a tensor") {
    const Read read(dictionary_of({}));
    const TorchTensor* tensor = read.objects.tensor(read.pickle.items(read.pickle.top())[1]);
    REQUIRE(tensor);
    CHECK(tensor->shape == Shape{2, 3});
    CHECK(tensor->type->name == "F32");
    REQUIRE(read.objects.storages().size() == 1);
    CHECK(read.objects.storages()[0].key == "0");
    CHECK(read.objects.storages()[0].bytes == 24);
  }

  TEST_CASE("no program is named: os.system in every way a pickle can") {
    const std::string call = "(" + unicode("touch /tmp/owned") + "t";
    for (const auto& [module, what] : {std::pair<std::string, std::string>{"os", "system"},
                                       {"posix", "system"},
                                       {"builtins", "eval"},
                                       {"builtins", "getattr"},
                                       {"__builtin__", "exec"},
                                       {"subprocess", "Popen"},
                                       {"torch.storage", "_load_from_bytes"},
                                       {"torch", "load"},
                                       {"torch.nn.modules.linear", "Linear"},
                                       {"collections", "OrderedDict.update"},
                                       {"torch._utils", "_rebuild_tensor_v2.__globals__"}}) {
      const std::string full = "the name \"" + module + "." + what + "\" is refused";
      CHECK(has(refused(name(module, what) + call + "R"), full));
      CHECK(has(refused(unicode(module) + unicode(what) + "\x93" + call + "R", 4), full));
      CHECK(has(refused(name(module, what) + call + "\x81"), full));
      CHECK(has(refused("}" + unicode("x") + name(module, what) + "s"), full));
    }
    CHECK(has(refused("(" + unicode("ls") + "ios\nsystem\n"), "the opcode INST is refused"));
    CHECK(
        has(refused("(" + name("collections", "OrderedDict") + "o"), "the opcode OBJ is refused"));
    CHECK(has(refused(name("collections", "OrderedDict") + ")}\x92", 4), "NEWOBJ_EX is refused"));
    CHECK(has(refused(std::string("\x82\x01")), "the opcode EXT1 is refused"));
    CHECK(has(refused("Pos.system\n"), "the opcode PERSID is refused"));
    CHECK(has(refused("(" + unicode("module") + unicode("x") + "tQ"),
              "a reference to \"module\" is refused"));
    CHECK(has(refused("NQ"), "a reference that is None"));
  }

  TEST_CASE("every opcode that is not needed is refused by name, and numbers that are none") {
    for (const auto& [opcode, text] : {std::pair<char, std::string>{'0', "POP"},
                                       {'1', "POP_MARK"},
                                       {'2', "DUP"},
                                       {'F', "FLOAT"},
                                       {'I', "INT"},
                                       {'L', "LONG"},
                                       {'S', "STRING"},
                                       {'V', "UNICODE"},
                                       {'d', "DICT"},
                                       {'g', "GET"},
                                       {'l', "LIST"},
                                       {'p', "PUT"},
                                       {'\x8f', "EMPTY_SET"},
                                       {'\x90', "ADDITEMS"},
                                       {'\x91', "FROZENSET"},
                                       {'\x96', "BYTEARRAY8"},
                                       {'\x97', "NEXT_BUFFER"},
                                       {'\x98', "READONLY_BUFFER"}})
      CHECK(has(refused(std::string("N") + opcode), "the opcode " + text + " is refused"));
    for (int opcode : {0x00, 0x01, 0x41, 0x7a, 0x99, 0xff})
      CHECK(has(refused(std::string(1, static_cast<char>(opcode))),
                "no opcode has the number " + std::to_string(opcode)));
  }

  TEST_CASE("calls of allowed names with something else") {
    CHECK(has(refused("K\x01)R"), "a whole number cannot be called"));
    CHECK(has(refused(name("collections", "OrderedDict") + "NR"), "None as arguments"));
    CHECK(has(refused(name("collections", "OrderedDict") + "N\x85R"), "not a list"));
    CHECK(has(refused(name("collections", "OrderedDict") + "]Na\x85R"), "list of pairs"));
    CHECK(has(refused(name("torch", "FloatStorage") + ")R"), "a type's name cannot be called"));
    CHECK(has(refused(name("torch", "Size") + ")R"), "torch.Size of no tuple"));
    CHECK(has(refused(name("torch._utils", "_rebuild_tensor_v2") + ")R"), "with 0 arguments"));
    CHECK(
        has(refused(name("torch._utils", "_rebuild_parameter") + "NNN\x87R"), "without a tensor"));
    CHECK(has(refused(PickledTensor().bytes() + "}b"), "a tensor with a state of its own"));
    CHECK(has(refused("}}b"), "a dictionary has no state"));
    CHECK(has(refused("N}b"), "None has no state"));
    CHECK(refused(name("collections", "OrderedDict") + ")R}b") == "");
    CHECK(refused(name("argparse", "Namespace") + ")\x81}b") == "");
  }

  TEST_CASE("lengths without end") {
    for (const std::uint64_t huge :
         {std::uint64_t{100}, std::uint64_t{1} << 32, std::uint64_t{1} << 62, ~std::uint64_t{0}}) {
      CHECK(has(refused("\x8d" + le(huge) + "abc", 4), "text of"));
      CHECK(has(refused("\x8e" + le(huge) + "abc", 4), "bytes of"));
      CHECK(has(refused("\x95" + le(huge) + "N", 4), "a frame of"));
    }
    CHECK(has(refused("X" + le(0xffffffffu) + "abc"), "text of 4294967295 bytes, but only"));
    CHECK(has(refused("\x8b" + le(0xffffffffu) + "abc"), "a whole number of 4294967295 bytes"));
    CHECK(has(refused("c" + std::string(300, 'a') + "\nb\n"), "a name of more than 256 bytes"));
    CHECK(has(refused("cab"), "one that is cut off"));
    CHECK(has(refused(unicode(std::string(300, 'a')) + unicode("b") + "\x93"),
              "more than 256 bytes"));
  }

  TEST_CASE("nesting, the stack, the memo") {
    CHECK(has(refused(std::string(100000, '(')), "nested deeper than 256"));
    CHECK(has(refused(std::string(Pickle::kMaxStack + 1, 'N')), "values on the stack"));
    // Tuples in tuples take no stack: they are read, and whoever walks them minds the depth.
    std::string deep = ")";
    for (int i = 0; i < 100000; ++i) deep += "\x85";
    CHECK(refused(deep) == "");
    CHECK(has(refused("Nr" + le(0xfffffff0u)), "memo place 4294967280, but only 0 are filled"));
    CHECK(has(refused("h\x05"), "memo place 5 is empty"));
    CHECK(has(refused("j" + le(0xffffffffu)), "is empty"));
    std::string memos = "N";
    memos.append(Pickle::kMaxMemo + 1, '\x94');
    CHECK(has(refused(memos, 4), "places of the memo"));
    // One list handed to call after call: each makes as many values as the list has.
    std::string bomb = "](";
    for (int i = 0; i < 1000; ++i) bomb += "NN\x86";
    bomb += "eq" + std::string(1, '\0') + "\x85q\x01";
    for (int i = 0; i < 1000; ++i) bomb += "(" + name("collections", "OrderedDict") + "h\x01Rt";
    CHECK(has(refused("(" + bomb + "t"), "values in lists and dictionaries"));
  }

  TEST_CASE("a list within itself can be read") {
    CHECK(refused(std::string("]q\0h\0a", 6)) == "");
  }

  TEST_CASE("values that are missing or left over") {
    for (const char* opcodes : {"a",   "e",    "s",  "u",     "t",     "\x85", "\x86", "\x87",
                                "R",   "b",    "Q",  "q\x01", "\x94",  "\x93", "(a",   "(N(\x86",
                                "N(a", "]N(s", "Na", "NNs",   "N(NNu", "(e",   "(u",   "N(t(\x86"})
      CHECK(refused(opcodes) != "");
    CHECK(has(refused("](NNu"), "values for a dictionary, but a list is there"));
    CHECK(has(refused("}(Nu"), "a key without a value"));
    CHECK(has(refused("}]Ns"), "a list as a dictionary's key"));
    CHECK(has(refused("NN"), "values left over"));
    CHECK(has(refused(""), "values left over"));
    CHECK(has(refused("N("), "values left over"));
  }

  TEST_CASE("protocols") {
    CHECK(has(error_for("I1\n."), "not a pickle of protocol 2"));
    CHECK(has(error_for(""), "not a pickle"));
    for (char protocol : {0, 1, 6, 127}) CHECK(has(refused("N", protocol), "2 to 5 are read"));
    CHECK(refused("N", 5) == "");
  }

  TEST_CASE("tensors that do not fit their storage") {
    PickledTensor good;
    CHECK(tensor_error(good) == "");
    const auto with = [](auto change) {
      PickledTensor tensor;
      change(tensor);
      return tensor_error(tensor);
    };
    const std::int64_t huge = std::int64_t{1} << 62;
    CHECK(has(with([](auto& t) { t.storage_elements = 5; }),
              "reaches beyond its storage \"0\" of 5"));
    CHECK(has(with([](auto& t) { t.offset = 1; }), "reaches beyond"));
    CHECK(has(with([](auto& t) { t.offset = 6; }), "reaches beyond"));
    CHECK(has(with([&](auto& t) { t.offset = huge; }), "reaches beyond"));
    CHECK(has(with([](auto& t) { t.offset = -1; }), "without offset"));
    CHECK(has(with([](auto& t) { t.strides = {4, 1}; }), "reaches beyond"));
    CHECK(has(with([](auto& t) { t.strides = {-3, 1}; }), "no whole number from 0 on"));
    CHECK(has(with([](auto& t) { t.shape = {-2, 3}; }), "no whole number from 0 on"));
    CHECK(has(with([](auto& t) { t.strides = {1}; }), "strides do not fit"));
    CHECK(has(with([&](auto& t) { t.shape = {huge, 4}; }), "too many elements"));
    CHECK(has(with([&](auto& t) {
                t.shape = {huge, 4, 0};
                t.strides = {1, 1, 1};
              }),
              "too many elements"));
    CHECK(has(with([&](auto& t) {
                t.strides = {huge, huge};
                t.shape = {4, 4};
              }),
              "too many elements"));
    CHECK(has(with([&](auto& t) {
                t.shape = {1 << 13, 1 << 13};
                t.strides = {0, 0};
              }),
              "repeats the 6 elements"));
    CHECK(has(with([](auto& t) { t.shape = t.strides = {1, 1, 1, 1, 1, 1, 1}; }),
              "more than 6 axes"));
    CHECK(has(with([&](auto& t) { t.storage_elements = huge; }), "too many elements"));
    CHECK(has(with([](auto& t) { t.storage_elements = -1; }), "a storage without"));
    CHECK(has(with([](auto& t) { t.type = "QInt8Storage"; }), "\"torch.QInt8Storage\" is refused"));
    CHECK(with([](auto& t) {
            t.shape = {0, 1 << 20};
            t.strides = {1 << 20, 1};
            t.offset = 99;
          }) == "");
  }

  TEST_CASE("one storage with two sizes or types") {
    PickledTensor other;
    other.storage_elements = 7;
    const std::string first = "}" + unicode("x") + PickledTensor().bytes() + "s" + unicode("y");
    CHECK(has(refused(first + other.bytes() + "s"), "storage \"0\" is referred to with two"));
    other.storage_elements = 6;
    CHECK(refused(first + other.bytes() + "s") == "");
    other.type = "IntStorage";
    CHECK(has(refused(first + other.bytes() + "s"), "with two types or sizes"));
  }

  TEST_CASE("cut at every byte, and any byte changed") {
    const std::string whole_pickle =
        pickle("\x95" + le(std::uint64_t{8}) + "}(" + unicode("x") + PickledTensor().bytes() +
                   unicode("y") + "G" + std::string(8, '\0') + "\x8c\x01z]q" +
                   std::string(1, '\0') + "(NK\x01M\x01\x02" + "eu",
               4);
    REQUIRE(error_for(whole_pickle) == "");
    for (std::size_t size = 0; size < whole_pickle.size(); ++size)
      CHECK(has(error_for(whole_pickle.substr(0, size)), "bad file: test: byte "));
    for (std::size_t at = 0; at < whole_pickle.size(); ++at)
      for (int value = 0; value < 256; ++value) {
        std::string changed = whole_pickle;
        changed[at] = static_cast<char>(value);
        const std::string error = error_for(changed);
        if (!error.empty() && !error.starts_with("bad file: test: byte ")) FAIL_CHECK(error);
      }
  }
}
