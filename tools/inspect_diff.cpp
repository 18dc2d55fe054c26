#include "tools/inspect_diff.h"

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "tools/inspect_file.h"
#include "tools/inspect_statistics.h"
#include "tools/json_text.h"
#include "tools/tensor_values.h"
#include "tools/text_format.h"

namespace ofer {

namespace {

using Json = nlohmann::ordered_json;

using Flat = std::map<std::string, Json>;

// Every leaf of the metadata by its path: "configuration/encoder/width".
Flat flattened(const SafetensorsFile& file) {
  Flat flat;
  for (const auto& [key, text] : file.metadata()) {
    if (key == "sha256") continue;
    const Json value = metadata_value(text);
    if (!value.is_structured() || value.empty()) {
      flat[key] = value;
      continue;
    }
    const Json leaves = value.flatten();
    for (const auto& [path, leaf] : leaves.items()) flat[key + path] = leaf;
  }
  return flat;
}

Json metadata_difference(const SafetensorsFile& a, const SafetensorsFile& b) {
  const Flat x = flattened(a), y = flattened(b);
  std::set<std::string> names;
  for (const auto& [name, value] : x) names.insert(name);
  for (const auto& [name, value] : y) names.insert(name);
  Json list = Json::array();
  for (const std::string& name : names) {
    const auto in_a = x.find(name), in_b = y.find(name);
    if (in_a != x.end() && in_b != y.end() && in_a->second == in_b->second) continue;
    list.push_back({{"name", name},
                    {"a", in_a != x.end() ? in_a->second : Json()},
                    {"b", in_b != y.end() ? in_b->second : Json()}});
  }
  return list;
}

Json names_only_in(const SafetensorsFile& a, const SafetensorsFile& b) {
  Json list = Json::array();
  for (const SafetensorsEntry& entry : a.entries())
    if (!b.find(entry.name)) list.push_back(entry.name);
  return list;
}

// What differs between tensors of one name; empty: nothing.
std::optional<Json> tensor_difference(const SafetensorsFile& a, const SafetensorsEntry& x,
                                      const SafetensorsFile& b, const SafetensorsEntry& y) {
  if (same_bytes(a, x, b, y)) return {};
  Json item;
  item["name"] = x.name;
  if (x.dtype_name != y.dtype_name) item["dtype"] = {x.dtype_name, y.dtype_name};
  if (!(x.shape == y.shape)) item["shape"] = {shape_json(x.shape), shape_json(y.shape)};
  const std::optional<TensorDifference> d = difference_of(a, x, b, y);
  if (d) {
    item["different"] = d->different;
    if (d->different > 0) {
      item["largest"] = d->largest;
      item["index"] = shape_json(index_of(x.shape, d->place));
      item["a"] = d->a;
      item["b"] = d->b;
      item["relative_l2"] = d->relative_l2;
      item["not_finite_in_one"] = d->only_finite;
    } else if (x.dtype_name == y.dtype_name) {
      return {};  // -0 for 0, or another NaN
    }
  } else if (x.shape == y.shape && x.dtype_name == y.dtype_name) {
    item["bytes_differ"] = true;
  }
  return item;
}

std::string number(const Json& value) {
  return value.is_number() ? format("%.9g", value.get<double>()) : "not finite";
}

std::string tensor_text(const Json& item) {
  std::string text;
  const auto add = [&](const std::string& piece) { text += (text.empty() ? "" : "; ") + piece; };
  if (item.contains("dtype"))
    add("type " + item["dtype"][0].get<std::string>() + " and " +
        item["dtype"][1].get<std::string>());
  if (item.contains("shape"))
    add("shape " + item["shape"][0].dump() + " and " + item["shape"][1].dump());
  if (item.contains("bytes_differ")) add("other bytes, of a type that this program cannot read");
  if (item.contains("largest"))
    add(std::to_string(item["different"].get<std::int64_t>()) + " elements differ, relative L2 " +
        number(item["relative_l2"]) + ", most at " + item["index"].dump() + ": " +
        number(item["a"]) + " and " + number(item["b"]));
  else if (item.contains("different"))
    add("the same values");
  return text;
}

}  // namespace

bool print_difference(const SafetensorsFile& a, const std::string& path_a, const SafetensorsFile& b,
                      const std::string& path_b, bool json, Console& console) {
  Json all;
  all["a"] = path_a;
  all["b"] = path_b;
  const Json only_a = names_only_in(a, b), only_b = names_only_in(b, a),
             metadata = metadata_difference(a, b);
  Json tensors = Json::array();
  for (const SafetensorsEntry& entry : a.entries())
    if (const SafetensorsEntry* other = b.find(entry.name))
      if (std::optional<Json> item = tensor_difference(a, entry, b, *other))
        tensors.push_back(*std::move(item));
  const bool equal = only_a.empty() && only_b.empty() && metadata.empty() && tensors.empty();
  if (json) {
    all["equal"] = equal;
    all["only_in_a"] = only_a;
    all["only_in_b"] = only_b;
    all["tensors"] = tensors;
    all["metadata"] = metadata;
    print_line(console, json_line(all));
    return equal;
  }
  const auto text_of = [](const Json& value) {
    return value.is_null() ? std::string("nothing") : one_line(json_line(value));
  };
  for (const Json& item : metadata)
    print_line(console, "metadata " + one_line(item["name"].get<std::string>()) + ": " +
                            text_of(item["a"]) + " and " + text_of(item["b"]));
  for (const Json& name : only_a)
    print_line(console, "only in " + one_line(path_a) + ": " + one_line(name.get<std::string>()));
  for (const Json& name : only_b)
    print_line(console, "only in " + one_line(path_b) + ": " + one_line(name.get<std::string>()));
  for (const Json& item : tensors)
    print_line(console, one_line(item["name"].get<std::string>()) + ": " + tensor_text(item));
  print_line(console, equal ? "equal" : "different");
  return equal;
}

}  // namespace ofer
