// Cases of attention.
#pragma once

#include <cmath>

#include "tests/support/case.h"

namespace ofer::test {

// `used`: tokens of each image; empty: as many as it has room for.
inline double attention_pairs(const std::vector<std::int32_t>& offsets,
                              const std::vector<std::int32_t>& used = {}) {
  double pairs = 0;
  for (std::size_t s = 0; s + 1 < offsets.size(); ++s) {
    const double tokens = used.empty() ? offsets[s + 1] - offsets[s] : used[s];
    pairs += tokens * tokens;
  }
  return pairs;
}

// `images` images of `tokens` tokens each.
inline std::vector<std::int32_t> equal_offsets(Index images, Index tokens) {
  std::vector<std::int32_t> offsets;
  for (Index i = 0; i <= images; ++i) offsets.push_back(static_cast<std::int32_t>(i * tokens));
  return offsets;
}

// An image of `tokens` tokens, then `others` of one to three.
inline std::vector<std::int32_t> long_and_short(std::int32_t tokens, int others) {
  std::vector<std::int32_t> offsets = {0, tokens};
  for (int i = 0; i < others; ++i) offsets.push_back(offsets.back() + 1 + i % 3);
  return offsets;
}

struct AttentionCase {
  const char* name = "";
  std::uint64_t seed = 1;
  std::vector<std::int32_t> offsets = {0, 1};  // first row of each image, then the end
  std::vector<std::int32_t> used = {};         // tokens of each image; empty: all of its rows
  Index heads = 1, head_width = 1;
  bool keep = true;  // logsumexp
  Fill qkv = {};
  bool ill_conditioned = false;

  OFER_FORWARD_CASE(attention)

  // The weights are rounded as well before they meet v.
  double bfloat16_error() const { return 1.35; }
  static std::vector<std::string> tf32_operands() { return {"qkv"}; }
  double tf32_error() const { return 0x1p-12; }

  Index rows() const { return offsets.back(); }
  double scale() const { return 1 / std::sqrt(static_cast<double>(head_width)); }
  template <class T>
  kernels::AttentionArgs<T> bind(Buffers<T>& b) const {
    return {.qkv = b.input("qkv", rows() * 3 * heads * head_width, qkv),
            .y = b.output("y", rows() * heads * head_width),
            .logsumexp = keep ? b.wide_output("logsumexp", heads * rows()) : nullptr,
            .segments = used.empty() ? b.segments(offsets) : b.segments(offsets, used),
            .heads = heads,
            .head_width = head_width,
            .scale = scale()};
  }
  double flops() const {
    return attention_pairs(offsets, used) * static_cast<double>(heads) *
           (4.0 * static_cast<double>(head_width) + 4);
  }
  // logsumexp lies head by head, not image by image.
  bool images() const { return !keep && offsets.size() > 1; }
  AttentionCase with_images(Index n) const {
    AttentionCase result = *this;
    result.offsets = equal_offsets(n, offsets[1]);
    if (!used.empty()) result.used.assign(static_cast<std::size_t>(n), used[0]);
    return result;
  }

  // clang-format off
  static std::vector<AttentionCase> list() {
    return {
        {.name = "one token", .seed = 1, .offsets = {0, 1}, .heads = 2, .head_width = 8},
        {.name = "no image", .seed = 2, .offsets = {0}, .heads = 2, .head_width = 8},
        {.name = "an image without tokens", .seed = 3, .offsets = {0, 0}, .heads = 2,
         .head_width = 8},
        {.name = "width 32", .seed = 4, .offsets = {0, 17}, .heads = 4, .head_width = 32,
         .keep = false},
        {.name = "width 64, batch", .seed = 5, .offsets = {0, 26, 52, 78}, .heads = 3,
         .head_width = 64},
        {.name = "width 64, alone and together", .seed = 6, .offsets = {0, 33}, .heads = 2,
         .head_width = 64, .keep = false},
        {.name = "odd width", .seed = 7, .offsets = {0, 19, 30}, .heads = 3, .head_width = 7},
        {.name = "width 1", .seed = 8, .offsets = {0, 5, 9}, .heads = 5, .head_width = 1,
         .keep = false},
        {.name = "width 48", .seed = 9, .offsets = {0, 21}, .heads = 2, .head_width = 48},
        {.name = "different token counts", .seed = 10, .offsets = {0, 1, 50, 50, 53, 118},
         .heads = 2, .head_width = 32},
        {.name = "197 tokens", .seed = 11, .offsets = {0, 197}, .heads = 1, .head_width = 32},
        {.name = "many tokens, odd", .seed = 12, .offsets = {0, 3, 134}, .heads = 1,
         .head_width = 20},
        // Scores of some hundred: the rounding of one, 1e-5, is the relative error of its weight.
        {.name = "large scores", .seed = 13, .offsets = {0, 24, 40}, .heads = 2, .head_width = 32,
         .qkv = {Distribution::kOrdinary, 12}, .ill_conditioned = true},
        {.name = "equal tokens", .seed = 14, .offsets = {0, 9, 20}, .heads = 2, .head_width = 16,
         .qkv = {Distribution::kOne}},
        {.name = "about a tile of tokens", .seed = 15, .offsets = {0, 15, 31, 48, 111, 175, 240},
         .head_width = 32},
        {.name = "a long image among short ones", .seed = 16, .offsets = long_and_short(40, 49),
         .heads = 3, .head_width = 32},
        {.name = "a long image among many short ones", .seed = 17,
         .offsets = long_and_short(70, 87), .heads = 3, .head_width = 64},
        {.name = "width 64, a long image among short ones", .seed = 23,
         .offsets = long_and_short(33, 49), .heads = 3, .head_width = 64},
        {.name = "width 32, a long image among many short ones", .seed = 24,
         .offsets = long_and_short(66, 87), .heads = 3, .head_width = 32},
        {.name = "width 64, about a tile of tokens", .seed = 25,
         .offsets = {0, 16, 33, 64, 96, 129, 192, 289}, .head_width = 64},
        {.name = "width 40, more than a tile of tokens", .seed = 26, .offsets = {0, 66, 98},
         .head_width = 40},
        {.name = "width 72, more than a tile of tokens", .seed = 27, .offsets = {0, 66, 98},
         .head_width = 72},
        {.name = "width 128", .seed = 28, .offsets = {0, 81, 84}, .head_width = 128},
        {.name = "width 100", .seed = 18, .offsets = {0, 35, 37}, .heads = 2, .head_width = 100},
        {.name = "width 129", .seed = 19, .offsets = {0, 33}, .heads = 1, .head_width = 129},
        {.name = "width 256", .seed = 20, .offsets = {0, 17}, .heads = 2, .head_width = 256},
        {.name = "width 300", .seed = 21, .offsets = {0, 1, 35}, .heads = 2, .head_width = 300},
        {.name = "width 517", .seed = 22, .offsets = {0, 5}, .heads = 1, .head_width = 517},
        {.name = "width 32, rows that are not used", .seed = 29, .offsets = {0, 20, 40, 60, 80},
         .used = {20, 1, 0, 13}, .heads = 2, .head_width = 32},
        {.name = "width 64, rows that are not used", .seed = 30, .offsets = {0, 70, 140},
         .used = {33, 66}, .heads = 2, .head_width = 64, .keep = false},
        {.name = "odd width, rows that are not used", .seed = 31, .offsets = {0, 19, 38},
         .used = {5, 19}, .heads = 3, .head_width = 7},
    };
  }
  static std::vector<AttentionCase> benchmarks() {
    return {{.name = "encoder, 1 image", .offsets = equal_offsets(1, 197), .heads = 12,
             .head_width = 64, .keep = false},
            {.name = "encoder, 16 images", .offsets = equal_offsets(16, 197), .heads = 12,
             .head_width = 64, .keep = false},
            {.name = "decoder, 16 images", .offsets = equal_offsets(16, 197), .heads = 16,
             .head_width = 32, .keep = false}};
  }
  // clang-format on
};

struct AttentionBackwardCase {
  const char* name = "";
  std::uint64_t seed = 1;
  std::vector<std::int32_t> offsets = {0, 1};
  Index heads = 1, head_width = 1;
  Fill qkv = {};

  OFER_BACKWARD_CASE(attention_backward, attention)

  kernels::AttentionArgs<double> bind_forward(Buffers<double>& b) const {
    return AttentionCase{.offsets = offsets, .heads = heads, .head_width = head_width, .qkv = qkv}
        .bind(b);
  }
  template <class T>
  kernels::AttentionBackwardArgs<T> bind(Buffers<T>& b) const {
    const Index rows = offsets.back(), width = heads * head_width;
    return {.dy = b.input("dy", rows * width),
            .qkv = b.input("qkv", rows * 3 * width),
            .y = b.input("y", rows * width),
            .logsumexp = b.wide_input("logsumexp", heads * rows),
            .dqkv = b.output("dqkv", rows * 3 * width),
            .segments = b.segments(offsets),
            .heads = heads,
            .head_width = head_width,
            .scale = 1 / std::sqrt(static_cast<double>(head_width))};
  }
  Index reduction() const {
    Index longest = head_width;
    for (std::size_t s = 0; s + 1 < offsets.size(); ++s)
      longest = std::max<Index>(longest, offsets[s + 1] - offsets[s]);
    return longest;
  }
  double flops() const {
    return attention_pairs(offsets) * static_cast<double>(heads) *
           (10.0 * static_cast<double>(head_width) + 8);
  }

  // clang-format off
  static std::vector<AttentionBackwardCase> list() {
    return {
        {.name = "one token", .seed = 1, .offsets = {0, 1}, .heads = 2, .head_width = 8},
        {.name = "no tokens", .seed = 2, .offsets = {0, 0}, .heads = 2, .head_width = 8},
        {.name = "width 32", .seed = 3, .offsets = {0, 9, 20}, .heads = 2, .head_width = 32},
        {.name = "width 64", .seed = 4, .offsets = {0, 12}, .heads = 1, .head_width = 64},
        {.name = "odd width, different token counts", .seed = 5,
         .offsets = {0, 1, 14, 14, 25}, .heads = 3, .head_width = 5},
        {.name = "many tokens", .seed = 6, .offsets = {0, 75}, .heads = 1, .head_width = 4},
        {.name = "larger scores", .seed = 7, .offsets = {0, 10}, .heads = 2, .head_width = 16,
         .qkv = {Distribution::kOrdinary, 2}},
        {.name = "about a tile of tokens", .seed = 8, .offsets = {0, 31, 96}, .heads = 1,
         .head_width = 32},
        {.name = "width 40", .seed = 9, .offsets = {0, 9}, .heads = 2, .head_width = 40},
        {.name = "width 100", .seed = 10, .offsets = {0, 35, 37}, .heads = 1, .head_width = 100},
        {.name = "width 130", .seed = 11, .offsets = {0, 18}, .heads = 2, .head_width = 130},
        {.name = "width 300", .seed = 12, .offsets = {0, 3, 20}, .heads = 1, .head_width = 300},
    };
  }
  static std::vector<AttentionBackwardCase> benchmarks() {
    return {{.name = "encoder, 16 images", .offsets = equal_offsets(16, 197), .heads = 12,
             .head_width = 64}};
  }
  // clang-format on
};

}  // namespace ofer::test
