// ofer_analyse: the caller's images and buffers, turn by turn through the pipeline.
#include <algorithm>
#include <cstring>

#include "ofer/api/image.h"
#include "ofer/api/session.h"
#include "ofer/api/versioned.h"

namespace ofer::api {
namespace {

Request request_of(const ofer_request& given) {
  Request request;
  switch (given.mask_source) {
    case OFER_MASK_DETECT:
      request.mask = MaskSource::kDetect;
      break;
    case OFER_MASK_GIVEN:
      request.mask = MaskSource::kGiven;
      break;
    case OFER_MASK_NONE:
      request.mask = MaskSource::kNone;
      break;
    default:
      fail(ErrorCode::kBadArgument, "mask_source ", given.mask_source, " is none of OFER_MASK_...");
  }
  switch (given.last_stage) {
    case OFER_STAGE_DETECT:
      request.last = Stage::kDetect;
      break;
    case OFER_STAGE_RESTORE:
      request.last = Stage::kReconstruct;
      break;
    case OFER_STAGE_RECOGNISE:
      request.last = Stage::kRecognise;
      break;
    default:
      fail(ErrorCode::kBadArgument, "last_stage ", given.last_stage, " is none of OFER_STAGE_...");
  }
  switch (given.latents) {
    case OFER_LATENTS_CHOSEN:
      request.latent_use = LatentUse::kChosen;
      break;
    case OFER_LATENTS_ALL:
      request.latent_use = LatentUse::kAll;
      break;
    case OFER_LATENTS_NONE:
      request.latent_use = LatentUse::kNone;
      break;
    default:
      fail(ErrorCode::kBadArgument, "latents ", given.latents, " is none of OFER_LATENTS_...");
  }
  require(given.reserved == 0, ErrorCode::kBadArgument, "the reserved field is not 0");
  request.dense = given.dense != 0;
  request.grad_cam_class = given.grad_cam_class;
  request.grad_cam_plus_plus = given.grad_cam_plus_plus != 0;
  if (given.grad_cam_layer) request.grad_cam_layer = given.grad_cam_layer;
  return request;
}

// What belongs to `turn` of `images` images, or nothing where nothing is wanted.
template <class Values>
auto part(const Values& values, std::size_t images, std::size_t first, std::size_t turn,
          const char* name) -> std::span<std::remove_reference_t<decltype(*values.data)>> {
  if (!values.data) return {};
  require(values.count > 0 && values.count % images == 0, ErrorCode::kBadArgument, name,
          " has room for ", values.count, " values, which cannot be those of ", images, " images");
  using Value = std::remove_reference_t<decltype(*values.data)>;
  require(reinterpret_cast<std::uintptr_t>(values.data) % alignof(Value) == 0,
          ErrorCode::kBadArgument, name, " must begin at a multiple of ", alignof(Value), " bytes");
  const std::size_t each = values.count / images;
  return {values.data + first * each, turn * each};
}

bool on_device(std::int32_t memory, const char* of) {
  require(memory == OFER_MEMORY_HOST || memory == OFER_MEMORY_DEVICE, ErrorCode::kBadArgument, of,
          ": memory ", memory, " is none of OFER_MEMORY_...");
  return memory == OFER_MEMORY_DEVICE;
}

Outputs outputs_of(const ofer_results& r, std::size_t images, std::size_t first, std::size_t turn) {
  const auto of = [&](const auto& values, const char* name) {
    return part(values, images, first, turn, name);
  };
  return {on_device(r.memory, "results"),
          of(r.labels, "labels"),
          of(r.probabilities, "probabilities"),
          of(r.distances, "distances"),
          of(r.masks, "masks"),
          of(r.chosen, "chosen"),
          of(r.coarse, "coarse"),
          of(r.restored, "restored"),
          of(r.attention, "attention"),
          of(r.grad_cam, "grad_cam"),
          of(r.latents, "latents")};
}

// Image i of an array whose elements are as long as the first one says.
ofer_image image_at(const ofer_image* images, std::size_t i) {
  const auto* place = reinterpret_cast<const std::byte*>(images) + i * images->size;
  const auto* image = reinterpret_cast<const ofer_image*>(place);
  require(image->size == images->size, ErrorCode::kBadArgument, "ofer_image.size is ", image->size,
          ", that of the first is ", images->size);
  return read_struct(image, ofer_image OFER_IMAGE_INIT, "ofer_image");
}

void add(StageTimes& sum, const StageTimes& times) {
  sum.detect += times.detect;
  sum.reconstruct += times.reconstruct;
  sum.recognise += times.recognise;
  sum.total += times.total;
}

void analyse(ofer_session& session, const ofer_image* images, std::size_t count,
             const ofer_request* given, const ofer_results* wanted) {
  require(images != nullptr, ErrorCode::kBadArgument, "the images are null");
  require(count > 0, ErrorCode::kBadArgument, "0 images");
  require(wanted != nullptr, ErrorCode::kBadArgument, "the results are null");
  const auto asked = read_struct(given, ofer_request OFER_REQUEST_INIT, "ofer_request");
  const auto results = read_struct(wanted, ofer_results OFER_RESULTS_INIT, "ofer_results");
  require(results.reserved == 0, ErrorCode::kBadArgument, "the results' reserved field is not 0");
  const Request request = request_of(asked);
  const auto patches = static_cast<std::size_t>(session.pipeline.network().config().patch_count());
  std::span<const std::uint8_t> masks;
  if (request.mask == MaskSource::kGiven) {
    require(asked.masks != nullptr, ErrorCode::kBadArgument, "OFER_MASK_GIVEN, but masks is null");
    require(asked.mask_count % patches == 0 && asked.mask_count / patches == count,
            ErrorCode::kBadArgument, "masks has ", asked.mask_count, " values; ", count,
            " images of ", patches, " patches have ", count * patches);
    masks = {asked.masks, asked.mask_count};
  }
  const bool masks_on_device = on_device(asked.mask_memory, "masks");
  // All images are looked at before any is analysed.
  for (std::size_t i = 0; i < count; ++i) {
    try {
      const ofer_image image = image_at(images, i);
      (void)view_of(image);
      require(image.memory == images->memory, ErrorCode::kBadArgument,
              "is in other memory than the first one");
    } catch (const Error& error) {
      throw ImageError(error, i);
    }
  }
  StageTimes times;
  for (std::size_t first = 0; first < count; first += session.largest_batch) {
    const std::size_t turn = std::min(session.largest_batch, count - first);
    session.turn_first = first;
    session.turn_count = turn;
    session.views.clear();
    for (std::size_t i = first; i < first + turn; ++i)
      session.views.push_back(view_of(image_at(images, i)));
    const Outputs outputs = outputs_of(results, count, first, turn);
    const std::span<const std::uint8_t> mask =
        masks.empty() ? masks : masks.subspan(first * patches, turn * patches);
    try {
      session.pipeline.run(session.views, images->memory == OFER_MEMORY_DEVICE, request, mask,
                           masks_on_device, outputs);
    } catch (const ImageError& error) {
      throw error.counted_from(first);
    }
    add(times, session.pipeline.times());
  }
  session.times = times;
}

std::size_t workspace_bytes(ofer_session& session, const ofer_request* given,
                            const ofer_results* wanted) {
  require(wanted != nullptr, ErrorCode::kBadArgument, "the results are null");
  Request request = request_of(read_struct(given, ofer_request OFER_REQUEST_INIT, "ofer_request"));
  const auto results = read_struct(wanted, ofer_results OFER_RESULTS_INIT, "ofer_results");
  request.grad_cam = results.grad_cam.data != nullptr;
  return session.pipeline.workspace_bytes(static_cast<std::int64_t>(session.largest_batch),
                                          request);
}

}  // namespace
}  // namespace ofer::api

extern "C" ofer_status ofer_session_workspace_bytes(ofer_session* session,
                                                    const ofer_request* request,
                                                    const ofer_results* results,
                                                    size_t* bytes) noexcept {
  return ofer::api::with_session(session, [=](ofer_session& s) {
    ofer::require(bytes != nullptr, ofer::ErrorCode::kBadArgument,
                  "there is no place for the bytes: null");
    *bytes = ofer::api::workspace_bytes(s, request, results);
  });
}

extern "C" ofer_status ofer_session_set_workspace(ofer_session* session, void* memory,
                                                  size_t bytes) noexcept {
  return ofer::api::with_session(
      session, [=](ofer_session& s) { s.pipeline.lend_workspace(memory, bytes); });
}

extern "C" ofer_status ofer_analyse(ofer_session* session, const ofer_image* images, size_t count,
                                    const ofer_request* request,
                                    const ofer_results* results) noexcept {
  return ofer::api::with_session(
      session, [=](ofer_session& s) { ofer::api::analyse(s, images, count, request, results); });
}
