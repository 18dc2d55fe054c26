// Single operations at the shapes of the network. Which ones is a list in the inputs file, so that
// both sides time the same; weights are the network's own.
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>

#include "bench/flops.h"
#include "bench/stages.h"
#include "engine/ops.h"

namespace ofer::bench {

namespace {

using Json = nlohmann::json;

// Element i is 2 frac(i phi) - 1 to 24 bits, phi the golden ratio: the same numbers on both sides
// without a file of them.
void fill(const Tensor& tensor) {
  float* values = tensor.data<float>();
  for (std::int64_t i = 0; i < tensor.elements(); ++i) {
    const auto turned = static_cast<std::uint32_t>(static_cast<std::uint64_t>(i) * 2654435769u);
    values[i] = static_cast<float>(turned >> 8) / static_cast<float>(1 << 23) - 1.0f;
  }
}

// Filled when first used, so that who asks for other stages does not wait.
struct Input {
  Tensor tensor;
  std::shared_ptr<bool> filled;

  const Tensor& ready(const Session& session) const {
    if (!*filled && !session.counting()) {
      fill(tensor);
      *filled = true;
    }
    return tensor;
  }
};

Shape shape_of(const Json& list) {
  Shape shape;
  switch (list.size()) {
    case 2:
      shape = {list[0].get<std::int64_t>(), list[1].get<std::int64_t>()};
      break;
    case 4:
      shape = {list[0].get<std::int64_t>(), list[1].get<std::int64_t>(),
               list[2].get<std::int64_t>(), list[3].get<std::int64_t>()};
      break;
    default:
      fail(ErrorCode::kBadFile, "operation: an input has 2 or 4 axes, not ", list.size());
  }
  return shape;
}

}  // namespace

void Bench::add_operations() {
  const auto text = inputs_.metadata().find("operations");
  require(text != inputs_.metadata().end(), ErrorCode::kBadFile, inputs_.name(),
          ": has no list of operations");
  for (const Json& entry : Json::parse(text->second)) {
    const auto name = entry.at("name").get<std::string>();
    const auto kind = entry.at("kind").get<std::string>();
    const Shape shape = shape_of(entry.at("input"));
    buffers_.emplace_back(static_cast<std::size_t>(shape.elements()) * sizeof(float));
    const Input x{Tensor(buffers_.back().data(), shape, DType::kF32),
                  std::make_shared<bool>(false)};
    if (kind == "attention") {
      const int heads = entry.at("heads").get<int>();
      const std::int64_t width = shape[1] / 3, tokens = shape[0] / batch_;
      add(name, static_cast<double>(batch_) * attention_flops(tokens, width), [this, x, heads] {
        upload(all_);
        return std::vector{std::pair<std::string, Tensor>{
            "y", ops::attention(session_, x.ready(session_), all_.all(), heads)}};
      });
      continue;
    }
    const layers::Parameters p(*weights_.model, entry.at("weight").get<std::string>());
    const Tensor weight = p("weight"), bias = p.optional("bias");
    if (kind == "linear") {
      const bool gelu = entry.at("gelu").get<bool>();
      add(name, linear_flops(shape[0], weight.size(1), weight.size(0)),
          [this, x, weight, bias, gelu] {
            upload(all_);
            ops::LinearEnd end;
            end.rows = &all_.all();
            if (gelu) end.activation = ops::Activation::kGelu;
            return std::vector{std::pair<std::string, Tensor>{
                "y", ops::linear(session_, x.ready(session_), weight, bias, end)}};
          });
      continue;
    }
    const bool transposed = kind == "conv_transpose";
    require(transposed || kind == "conv", ErrorCode::kBadFile, "operation ", name, ": no kind ",
            kind);
    const int stride = entry.at("stride").get<int>(), dilation = entry.at("dilation").get<int>();
    const auto options = ops::Conv2d::square(stride, entry.at("pad").get<int>(), dilation);
    const std::int64_t positions =
        shape[0] * shape[2] * shape[3] / (transposed ? 1 : std::int64_t{stride} * stride);
    add(name,
        conv_flops(positions, weight.size(0), weight.size(1), weight.size(2) * weight.size(3)),
        [this, x, weight, bias, options, transposed] {
          const Tensor& in = x.ready(session_);
          return std::vector{std::pair<std::string, Tensor>{
              "y", transposed ? ops::conv_transpose2d(session_, in, weight, bias, options)
                              : ops::conv2d(session_, in, weight, bias, options)}};
        });
  }
}

}  // namespace ofer::bench
