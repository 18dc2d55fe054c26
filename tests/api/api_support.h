// Handles that end themselves, pictures and buffers, for tests of the C interface.
#pragma once

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "engine/image.h"
#include "ofer/ofer.h"
#include "tests/support/runnable_config.h"

namespace ofer::test {

struct EndModel {
  void operator()(ofer_model* model) const { ofer_model_free(model); }
};
struct EndSession {
  void operator()(ofer_session* session) const { ofer_session_free(session); }
};
using ModelHandle = std::unique_ptr<ofer_model, EndModel>;
using SessionHandle = std::unique_ptr<ofer_session, EndSession>;

inline ModelHandle load_model(const std::string& path = tiny_weights()) {
  ofer_error error = OFER_ERROR_INIT;
  ofer_model* model = nullptr;
  const ofer_status status = ofer_model_load(path.c_str(), nullptr, &model, &error);
  INFO(error.text);
  REQUIRE(status == OFER_OK);
  return ModelHandle(model);
}

inline ofer_session_options session_options(int threads = 1, int largest_batch = 0) {
  ofer_session_options options = OFER_SESSION_OPTIONS_INIT;
  options.threads = threads;
  options.largest_batch = largest_batch;
  return options;
}

inline SessionHandle make_session(ofer_model* model, const ofer_session_options& options) {
  ofer_error error = OFER_ERROR_INIT;
  ofer_session* session = nullptr;
  const ofer_status status = ofer_session_create(model, &options, &session, &error);
  INFO(error.text);
  REQUIRE(status == OFER_OK);
  return SessionHandle(session);
}

inline SessionHandle make_session(ofer_model* model, int threads = 1, int largest_batch = 0) {
  return make_session(model, session_options(threads, largest_batch));
}

// Pictures of different sizes with content of their own.
inline Image drawn_picture(int seed) {
  Image image(40 + 7 * (seed % 5), 36 + 5 * (seed % 4));
  for (std::size_t i = 0; i < image.pixels.size(); ++i)
    image.pixels[i] = static_cast<std::uint8_t>(
        128 + 100 * std::sin(0.003 * static_cast<double>(i) * (seed + 1)));
  return image;
}
inline std::vector<Image> drawn_pictures(int count, int first = 0) {
  std::vector<Image> result;
  for (int n = 0; n < count; ++n) result.push_back(drawn_picture(first + n));
  return result;
}

inline ofer_image as_given(const Image& image) {
  ofer_image given = OFER_IMAGE_INIT;
  given.data = image.pixels.data();
  given.width = image.width;
  given.height = image.height;
  return given;
}
inline std::vector<ofer_image> as_given(const std::vector<Image>& images) {
  std::vector<ofer_image> given;
  for (const Image& image : images) given.push_back(as_given(image));
  return given;
}

// A third of the patches, other ones for each image; none of the last image's.
inline std::vector<std::uint8_t> scattered(std::size_t images, std::size_t patches) {
  std::vector<std::uint8_t> mask(images * patches);
  for (std::size_t n = 0; n + 1 < images; ++n)
    for (std::size_t l = 0; l < patches; ++l) mask[n * patches + l] = (l * 7 + n * 5) % 3 == 0;
  return mask;
}

// Every result, into buffers of these names that have data() and size().
template <class Buffers>
ofer_results results_in(Buffers& all, bool distances_too) {
  ofer_results r = OFER_RESULTS_INIT;
  r.labels = {all.labels.data(), all.labels.size()};
  r.probabilities = {all.probabilities.data(), all.probabilities.size()};
  if (distances_too) r.distances = {all.distances.data(), all.distances.size()};
  r.masks = {all.masks.data(), all.masks.size()};
  r.chosen = {all.chosen.data(), all.chosen.size()};
  r.coarse = {all.coarse.data(), all.coarse.size()};
  r.restored = {all.restored.data(), all.restored.size()};
  r.attention = {all.attention.data(), all.attention.size()};
  r.grad_cam = {all.grad_cam.data(), all.grad_cam.size()};
  r.latents = {all.latents.data(), all.latents.size()};
  return r;
}

// Room for everything of a number of images, filled with what no result is.
struct Everything {
  Everything(ofer_session* session, const ofer_model* model, std::size_t images,
             const char* layer = nullptr) {
    ofer_model_info info = OFER_MODEL_INFO_INIT;
    REQUIRE(ofer_model_get_info(model, &info) == OFER_OK);
    REQUIRE(ofer_session_grad_cam_size(session, layer, &map_rows, &map_columns) == OFER_OK);
    const auto n = images, patches = static_cast<std::size_t>(info.patches);
    const auto square = [](std::int32_t side) {
      return static_cast<std::size_t>(side) * static_cast<std::size_t>(side);
    };
    labels.assign(n, -1);
    probabilities = numbers(n * static_cast<std::size_t>(info.classes));
    distances = numbers(n * patches);
    masks.assign(n * patches, 255);
    chosen.assign(n * patches, 255);
    coarse = numbers(n * 3 * square(info.image_size));
    restored = numbers(n * 3 * square(info.restored_size));
    attention = numbers(n * patches);
    grad_cam = numbers(n * static_cast<std::size_t>(map_rows * map_columns));
    latents = numbers(n * patches * static_cast<std::size_t>(info.latent_width));
  }

  ofer_results results(bool distances_too = true) { return results_in(*this, distances_too); }

  bool same_bits(const Everything& other) const {
    return labels == other.labels && probabilities == other.probabilities && masks == other.masks &&
           chosen == other.chosen && coarse == other.coarse && restored == other.restored &&
           attention == other.attention && grad_cam == other.grad_cam && latents == other.latents;
  }

  static std::vector<float> numbers(std::size_t count) {
    return std::vector<float>(count, std::numeric_limits<float>::quiet_NaN());
  }

  std::int32_t map_rows = 0, map_columns = 0;
  std::vector<std::int32_t> labels;
  std::vector<float> probabilities, distances;
  std::vector<std::uint8_t> masks, chosen;
  std::vector<float> coarse, restored, attention, grad_cam, latents;
};

}  // namespace ofer::test
