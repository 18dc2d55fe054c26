#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/support/error_of.h"
#include "tests/support/pickle_builder.h"
#include "tests/support/temporary_folder.h"
#include "weights/checkpoint.h"
#include "weights/safetensors.h"

using namespace ofer;
using test::content_of;
using test::dictionary_of;
using test::error_of;
using test::has;
using test::le;
using test::name;
using test::pickle;
using test::PickledTensor;
using test::put;
using test::TemporaryFolder;
using test::torch_stream;
using test::torch_zip;
using test::unicode;

namespace {

const std::filesystem::path kFixtures =
    std::filesystem::path(OFER_SOURCE_DIR) / "tests/fixtures/checkpoints";

Checkpoint parse(const std::string& bytes) {
  return Checkpoint::from_bytes(std::as_bytes(std::span(bytes)), "test");
}
std::string error_for(const std::string& bytes) {
  return error_of([&] { parse(bytes); });
}

// 24 bytes: six floats, 0 to 5.
std::string six_floats() {
  std::string bytes;
  for (int i = 0; i < 6; ++i) bytes += le(static_cast<float>(i));
  return bytes;
}
std::string small_zip(const std::string& object) {
  return torch_zip(object, {{"0", six_floats()}});
}
std::string small_stream(const std::string& object) {
  return torch_stream(object, {{"0", 6, six_floats()}});
}

std::vector<float> floats(const Checkpoint& checkpoint, const std::string& tensor) {
  const CheckpointTensor* found = checkpoint.find(tensor);
  REQUIRE(found);
  std::vector<float> values(static_cast<std::size_t>(found->shape.elements()));
  checkpoint.read(*found, 0, std::span(values));
  return values;
}

bool same(double a, double b) {
  return a == b ? std::signbit(a) == std::signbit(b) : a != a && b != b;
}

// Every tensor of `checkpoint` is what `expected` says, in any piece of it, and nothing else is
// there.
void compare(const Checkpoint& checkpoint, const SafetensorsFile& expected) {
  CHECK(checkpoint.tensors().size() == expected.entries().size());
  for (const SafetensorsEntry& entry : expected.entries()) {
    INFO(checkpoint.name(), ": ", entry.name);
    const CheckpointTensor* tensor = checkpoint.find(entry.name);
    REQUIRE(tensor);
    CHECK(tensor->shape == entry.shape);
    CHECK(tensor->numeric == (entry.dtype_name == "F64"));
    const std::int64_t count = entry.shape.elements();
    if (!tensor->numeric) {
      CHECK(tensor->dtype_name == entry.dtype_name);
      std::vector<double> out(1);
      CHECK(has(error_of([&] { checkpoint.read(*tensor, 0, std::span(out)); }), "unsupported: "));
      continue;
    }
    std::vector<double> truth(static_cast<std::size_t>(count));
    const auto bytes = expected.bytes(entry);
    if (count > 0) std::memcpy(truth.data(), bytes.data(), bytes.size());
    for (const std::int64_t piece : {count, std::int64_t{1}, std::int64_t{5}}) {
      for (std::int64_t first = 0; first < count; first += piece) {
        const auto size = static_cast<std::size_t>(std::min(piece, count - first));
        std::vector<double> doubles(size);
        std::vector<float> singles(size);
        checkpoint.read(*tensor, first, std::span(doubles));
        checkpoint.read(*tensor, first, std::span(singles));
        for (std::size_t i = 0; i < size; ++i) {
          const double wanted = truth[static_cast<std::size_t>(first) + i];
          CHECK(same(doubles[i], wanted));
          CHECK(same(singles[i], static_cast<float>(wanted)));
        }
      }
    }
    std::vector<double> more(static_cast<std::size_t>(count) + 1);
    CHECK(has(error_of([&] { checkpoint.read(*tensor, 0, std::span(more)); }), "bad argument: "));
    CHECK(has(error_of([&] { checkpoint.read(*tensor, -1, std::span(more).first(1)); }),
              "bad argument: "));
  }
}

void compare_folder(const std::filesystem::path& folder, int expected_count) {
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string file = entry.path().filename().string();
    std::string expected = file.substr(0, file.find('.'));
    if (file.ends_with(".index.json"))
      expected = "sharded";
    else if (!file.ends_with(".pt"))
      continue;
    ++count;
    const Checkpoint checkpoint = Checkpoint::open(entry.path());
    compare(checkpoint, SafetensorsFile::open(folder / (expected + ".expected.safetensors")));
    if (file.ends_with(".zip.pt")) CHECK(checkpoint.format() == "PyTorch zip");
    if (file.ends_with(".stream.pt")) CHECK(checkpoint.format() == "PyTorch stream");
    if (expected == "nested") {
      CHECK(checkpoint.number("radius") == 0.5);
      CHECK(checkpoint.number("epochs") == 7);
      CHECK(checkpoint.number("negative") == -3);
      for (const char* other : {"center", "name", "on", "none", "numbers.0", "nothing"})
        CHECK(!checkpoint.number(other));
    }
    if (expected == "training") CHECK(!checkpoint.number("iter"));
  }
  CHECK(count == expected_count);
}

}  // namespace

TEST_SUITE("checkpoint") {
  TEST_CASE("files that PyTorch has written, committed") {
    compare_folder(kFixtures, 6);
  }

  TEST_CASE("files that PyTorch writes now: both serialisations, protocols 2 to 5, sharded") {
    const TemporaryFolder folder;
    const std::string script = (kFixtures / "make_checkpoints.py").string();
    const std::string command =
        std::string(OFER_PYTHON) + " '" + script + "' '" + (folder / "made").string() + "'";
    REQUIRE(std::system(command.c_str()) == 0);
    compare_folder(folder / "made", 3 * 2 * 4 + 2);
    CHECK(Checkpoint::open(folder / "made" / "pytorch.bin.index.json").format() ==
          "sharded PyTorch zip");
    compare(Checkpoint::open(folder / "made" / "types.expected.safetensors"),
            SafetensorsFile::open(folder / "made" / "types.expected.safetensors"));
  }

  TEST_CASE("from memory, as from a file") {
    const Checkpoint checkpoint = parse(content_of(kFixtures / "types.zip.pt"));
    compare(checkpoint, SafetensorsFile::open(kFixtures / "types.expected.safetensors"));
    CHECK(checkpoint.name() == "test");
  }

  TEST_CASE("wrappers: the first of model, state_dict, model_state_dict; module. off all names") {
    const auto wrapped = [](const std::string& key, std::int64_t offset) {
      PickledTensor tensor;
      tensor.shape = tensor.strides = {1};
      tensor.offset = offset;
      return unicode(key) + "}" + unicode("module.w") + tensor.bytes() + "ss";
    };
    const std::string all = wrapped("model_state_dict", 1) + wrapped("optimizer", 2) +
                            wrapped("state_dict", 3) + wrapped("model", 4);
    CHECK(floats(parse(small_zip(pickle("}" + all))), "w") == std::vector<float>{4});
    CHECK(floats(parse(small_zip(pickle("}" + wrapped("optimizer", 2) + wrapped("state_dict", 3)))),
                 "w") == std::vector<float>{3});
    CHECK(floats(parse(small_zip(pickle("}" + wrapped("model_state_dict", 1)))), "w") ==
          std::vector<float>{1});
    // A name that is no dictionary wraps nothing.
    const Checkpoint other =
        parse(small_zip(pickle("}" + unicode("model") + unicode("ViT") + "s" + wrapped("net", 5))));
    CHECK(floats(other, "net.module.w") == std::vector<float>{5});
    // Not before every name: it stays.
    const std::string two = "}" + unicode("module.a") + PickledTensor().bytes() + "s" +
                            unicode("b") + PickledTensor().bytes() + "s";
    CHECK(parse(small_zip(pickle(two))).find("module.a"));
  }

  TEST_CASE("the order of the file") {
    std::string object = "}";
    for (const char* key : {"z", "a", "m"}) object += unicode(key) + PickledTensor().bytes() + "s";
    const Checkpoint checkpoint = parse(small_stream(pickle(object)));
    REQUIRE(checkpoint.tensors().size() == 3);
    CHECK(checkpoint.tensors()[0].name == "z");
    CHECK(checkpoint.tensors()[2].name == "m");
  }

  TEST_CASE("cut at every byte: an error, never anything else") {
    for (const std::string& whole :
         {content_of(kFixtures / "nested.zip.pt"), content_of(kFixtures / "nested.stream.pt"),
          content_of(kFixtures / "nested.expected.safetensors"), small_zip(dictionary_of({})),
          small_stream(dictionary_of({}))}) {
      REQUIRE(error_for(whole) == "");
      for (std::size_t size = 0; size < whole.size(); ++size) {
        const std::string error = error_for(whole.substr(0, size));
        if (!error.starts_with("bad file: test: ")) FAIL_CHECK("cut at ", size, ": ", error);
      }
      CHECK(has(error_for(whole + "x"), "bad file: test: "));
    }
  }

  TEST_CASE("bytes changed: tensors or a clear error, and what is listed can be read") {
    for (const char* file : {"nested.zip.pt", "nested.stream.pt"}) {
      const std::string whole = content_of(kFixtures / file);
      int refused = 0;
      for (std::size_t at = 0; at < whole.size(); ++at)
        for (int flip : {0x01, 0x10, 0x80, 0xff}) {
          std::string changed = whole;
          changed[at] = static_cast<char>(changed[at] ^ flip);
          const std::string error = error_of([&] {
            const Checkpoint checkpoint = parse(changed);
            for (const CheckpointTensor& tensor : checkpoint.tensors())
              if (tensor.numeric) floats(checkpoint, tensor.name);
          });
          if (!error.empty() && !error.starts_with("bad file: test: ")) FAIL_CHECK(error);
          refused += !error.empty();
        }
      CHECK(refused > 500);
    }
  }

  TEST_CASE("what is no checkpoint") {
    CHECK(has(error_for(""), "is empty"));
    CHECK(has(error_for("hello, this is a text"), "is no checkpoint"));
    CHECK(has(error_for("version https://git-lfs.github.com/spec/v1\n"), "git lfs pull"));
    CHECK(has(error_for("{\"weight_map\":{}}"), "from its folder only"));
    CHECK(has(error_for(torch_zip(pickle("}"))), "holds no tensors"));
    CHECK(has(error_for(torch_zip(pickle("]"))), "holds a list, not a dictionary of tensors"));
    CHECK(has(error_for(small_zip(pickle(PickledTensor().bytes()))), "holds one tensor, not a"));
    CHECK(has(error_for(test::zip_of({{"a/b", "c"}}).bytes()), "not of torch.save"));
    CHECK(has(error_for(test::zip_of({{"data.pkl", pickle("}")}}).bytes()), "not of torch.save"));
    CHECK(has(error_for(test::zip_of({{"a/data.pkl", "x"}, {"b/data.pkl", "x"}}).bytes()),
              "holds two objects"));
    CHECK(has(error_for(torch_zip(pickle("}"), {}, {{"root/constants.pkl", ""}})), "TorchScript"));
    const TemporaryFolder folder;
    CHECK(has(error_of([&] { Checkpoint::open(folder / "none.pt"); }), "input/output: "));
    CHECK(has(error_of([&] { Checkpoint::open(folder / ""); }), "is a directory"));
  }

  TEST_CASE("the zip form: byte order, storages that are missing or of another size") {
    const std::string object = dictionary_of({});
    CHECK(error_for(torch_zip(object, {{"0", six_floats()}}, {{"root/byteorder", "little"}})) ==
          "");
    CHECK(has(error_for(torch_zip(object, {{"0", six_floats()}}, {{"root/byteorder", "big"}})),
              "byte order is \"big\"; only \"little\" is read"));
    CHECK(has(error_for(torch_zip(object, {{"1", six_floats()}})), "storage \"0\" is missing"));
    CHECK(has(error_for(torch_zip(object, {{"0", "1234"}})), "should have 24 bytes and has 4"));
    CHECK(has(error_for(torch_zip(object + "x", {{"0", six_floats()}})), "1 bytes behind its end"));
    PickledTensor outside;
    outside.key = "../../etc/passwd";
    CHECK(has(error_for(small_zip(dictionary_of(outside))), "passwd\" is missing"));
  }

  TEST_CASE("the stream form: magic number, version, byte order, storages") {
    const std::string object = dictionary_of({});
    const auto stream = [&](std::vector<test::StreamStorage> storages) {
      return error_for(torch_stream(object, storages));
    };
    CHECK(has(error_for(pickle("K\x01")), "wrong magic number"));
    CHECK(has(error_for(pickle(name("os", "system") + "(tR")), "\"os.system\" is refused"));
    std::string magic = small_stream(object);
    magic[5] ^= 1;
    CHECK(has(error_for(magic), "wrong magic number"));
    CHECK(has(error_for(test::stream_head(true, 1000)), "not version 1001"));
    CHECK(has(error_for(test::stream_head(false) + object), "not little-endian"));
    CHECK(has(stream({}), "storage \"0\" is missing"));
    CHECK(has(stream({{"0", 5, six_floats()}}), "should have 6 elements and has 5"));
    CHECK(has(stream({{"0", ~std::uint64_t{0}, six_floats()}}), "should have 6 elements"));
    CHECK(has(stream({{"0", 6, "1234"}}), "has 24 bytes, but only 4 are left"));
    CHECK(has(stream({{"0", 6, six_floats()}, {"0", 6, six_floats()}}), "is there twice"));
    CHECK(has(stream({{"0", 6, six_floats()}, {"1", 6, six_floats()}}), "no tensor refers to it"));
    CHECK(has(error_for(small_stream(object) + "x"), "1 bytes behind the last storage"));
    // A huge storage that is only declared.
    PickledTensor huge;
    huge.storage_elements = std::int64_t{1} << 40;
    CHECK(has(error_for(torch_stream(dictionary_of(huge), {{"0", std::uint64_t{1} << 40, ""}})),
              "is cut short"));
  }

  TEST_CASE("dictionaries that refer to each other without end") {
    // Each of 30 dictionaries holds the one before it twice: 2^30 tensors in a small pickle.
    std::string object = "}" + unicode("w") + PickledTensor().bytes() + "sq" + std::string(1, '\0');
    for (int i = 0; i < 30; ++i) {
      const char last = static_cast<char>(i), next = static_cast<char>(i + 1);
      object += std::string("}K\x01h") + last + "sK\x02h" + last + "sq" + next;
    }
    object = pickle("}" + unicode("all") + "](" + object + "es");
    CHECK(has(error_for(small_zip(object)), "would have no end"));
    // One that holds itself.
    const std::string itself =
        pickle(std::string("}q\0", 3) + unicode("a") + std::string("h\0s", 3));
    CHECK(has(error_for(torch_zip(itself)), "nested deeper than 32"));
    const std::string model =
        pickle(std::string("}q\0", 3) + unicode("model") + std::string("h\0s", 3));
    CHECK(has(error_for(torch_zip(model)), "wrapped more than 32 times"));
  }

  TEST_CASE("names") {
    const auto named = [&](const std::string& key) {
      return error_for(small_zip(dictionary_of({}, key)));
    };
    CHECK(named("gr\xc3\xb6\xc3\x9f"
                "e") == "");
    CHECK(has(named(std::string(2000, 'n')), "is longer than 1024 bytes"));
    CHECK(has(named("a\nb"), "control characters"));
    CHECK(has(named("\xed\xa0\x80"), "not UTF-8"));
    CHECK(has(named(""), "is empty"));
    const std::string one = unicode("x") + PickledTensor().bytes() + "s";
    CHECK(has(error_for(small_zip(pickle("}" + one + one))), "tensor \"x\" comes twice"));
    CHECK(has(error_for(small_zip(pickle("}" + one + unicode("x") + "K\x01s"))),
              "is a tensor and a number"));
    CHECK(has(error_for(small_zip(pickle("}N" + PickledTensor().bytes() + "s"))),
              "None as a key, not text"));
  }

  TEST_CASE("a file that is cut short while it is open") {
    const TemporaryFolder folder;
    PickledTensor turned;
    turned.shape = {3, 2};
    turned.strides = {1, 3};
    const std::string object = pickle("}" + unicode("x") + PickledTensor().bytes() + "s" +
                                      unicode("turned") + turned.bytes() + "s");
    put(folder / "a.pt", small_stream(object));
    const Checkpoint checkpoint = Checkpoint::open(folder / "a.pt");
    CHECK(floats(checkpoint, "turned") == std::vector<float>{0, 3, 1, 4, 2, 5});
    std::filesystem::resize_file(folder / "a.pt", std::filesystem::file_size(folder / "a.pt") - 1);
    for (const char* tensor : {"x", "turned"})
      CHECK(has(error_of([&] { floats(checkpoint, tensor); }), "has been cut short since"));
  }

  TEST_CASE("larger than 4 GiB: 64-bit places, opened without reading the data") {
    // The file is one hole with a few bytes around it.
    const TemporaryFolder folder;
    const std::uint64_t large = (std::uint64_t{4} << 30) + 64;
    PickledTensor first, second;
    first.storage_elements = static_cast<std::int64_t>(large / 4);
    first.offset = first.storage_elements - 6;
    second.key = "1";
    const std::string object = pickle("}" + unicode("end") + first.bytes() + "s" +
                                      unicode("behind") + second.bytes() + "s");
    test::ZipBuilder builder =
        test::zip_of({{"r/data.pkl", object}, {"r/data/0", ""}, {"r/data/1", six_floats()}});
    const auto field = [](std::vector<std::uint64_t> numbers) {
      std::string bytes = le(std::uint16_t{1}) + le(static_cast<std::uint16_t>(8 * numbers.size()));
      for (const std::uint64_t number : numbers) bytes += le(number);
      return bytes;
    };
    auto& hole = builder.items[1];
    hole.local.size = hole.local.stored_size = 0xffffffff;
    hole.central.size = hole.central.stored_size = 0xffffffff;
    hole.local.extra = hole.central.extra = field({large, large});
    builder.lay_out();
    const std::uint64_t behind = builder.items[2].offset + large;
    builder.items[2].offset = 0xffffffff;
    builder.items[2].central.extra = field({behind});
    const std::string contents = builder.contents();
    const std::size_t split = static_cast<std::size_t>(behind - large);  // where the hole ends
    const std::uint64_t place = contents.size() + large, size = builder.directory().size();
    builder.end.before = test::end64(3, size, place, place + size);
    builder.end.size = builder.end.offset = 0xffffffff;
    const std::string head = contents.substr(0, split);
    std::string tail =
        contents.substr(split) + builder.directory() + builder.end.before + builder.end_record();
    const std::string path = folder / "large.pt";
    const int file = ::open(path.c_str(), O_CREAT | O_WRONLY, 0600);
    REQUIRE(file >= 0);
    const auto write_at = [&](const std::string& bytes, std::uint64_t at) {
      CHECK(::pwrite(file, bytes.data(), bytes.size(), static_cast<off_t>(at)) ==
            static_cast<ssize_t>(bytes.size()));
    };
    write_at(head, 0);
    write_at(tail, split + large);
    write_at(six_floats(), split + large - 24);
    ::close(file);
    const Checkpoint checkpoint = Checkpoint::open(path);
    const std::vector<float> expected = {0, 1, 2, 3, 4, 5};
    CHECK(floats(checkpoint, "end") == expected);
    CHECK(floats(checkpoint, "behind") == expected);
  }

  TEST_CASE("an index of several files") {
    const TemporaryFolder folder;
    const auto shard = [&](const std::string& file, std::vector<std::string> names) {
      std::string header = "{", data;
      for (const std::string& tensor : names) {
        header += (header.size() > 1 ? ",\"" : "\"") + tensor +
                  R"(":{"dtype":"F32","shape":[1],"data_offsets":[)" + std::to_string(data.size()) +
                  "," + std::to_string(data.size() + 4) + "]}";
        data += le(static_cast<float>(tensor[0]));
      }
      header += "}";
      put(folder / file, le(std::uint64_t{header.size()}) + header + data);
    };
    const auto index = [&](const std::string& map) {
      put(folder / "x.index.json", "{\"metadata\":{},\"weight_map\":" + map + "}");
      return error_of([&] { Checkpoint::open(folder / "x.index.json"); });
    };
    shard("1", {"a", "b"});
    shard("2", {"c"});
    const std::string good = R"({"a":"1","b":"1","c":"2"})";
    CHECK(index(good) == "");
    const Checkpoint checkpoint = Checkpoint::open(folder / "x.index.json");
    CHECK(checkpoint.format() == "sharded safetensors");
    CHECK(floats(checkpoint, "c") == std::vector<float>{'c'});
    CHECK(has(index(R"({"a":"1","b":"1","c":"1"})"), "lacks tensor \"c\", which the index puts"));
    CHECK(has(index(R"({"a":"1","c":"2"})"), "holds tensor \"b\", which the index does not list"));
    CHECK(has(index(R"({"a":"1","b":"2","c":"2"})"), "which the index puts into \"2\""));
    CHECK(has(index(R"({"a":"1","b":"1","c":"2","d":"2"})"), "lacks tensor \"d\""));
    CHECK(has(index(R"({"a":"1","b":"1","c":"3"})"), "input/output: "));
    for (const char* outside : {"../1", "/etc/passwd", "a/1", "..", ".", "", "a\\\\b", "1\\u0000"})
      CHECK(has(index(std::string(R"({"a":"1","b":"1","c":")") + outside + "\"}"),
                "not the plain name of a file beside the index"));
    CHECK(has(index("{}"), "lists no tensors"));
    CHECK(has(index("[]"), "no checkpoint's index"));
    CHECK(has(index(R"({"a":1})"), "its file is not text"));
    CHECK(has(index(R"({"a":"1","a":"2"})"), "comes twice"));
    CHECK(has(index("{"), "not valid JSON"));
    shard("2", {"c", "a"});  // in two files
    CHECK(has(index(good), "holds tensor \"a\", which the index puts into \"1\""));
    // An index is no shard.
    CHECK(has(index(R"({"a":"1","b":"1","c":"x.index.json"})"), "is no checkpoint"));
  }
}
