// Faces of a data set through the whole method, as they are.
#pragma once

#include <functional>
#include <span>

#include "ofer/data/face_store.h"
#include "ofer/pipeline.h"

namespace ofer {

// Runs these faces with no patch covered and hands on the result of each, in their order. Throws
// what the pipeline throws, and kBadFile for a face that cannot be read.
void run_open_faces(Pipeline& pipeline, const FaceStore& faces,
                    std::span<const std::size_t> samples, Request request,
                    const std::function<void(std::size_t sample, const Result&)>& then);

}  // namespace ofer
