// cuBLASLt, loaded when a stream is first made instead of when the program starts: it is some
// 700 MB, costs every start 0.1 s and 200 MiB when linked, and a program that computes on the CPU
// runs on machines that have none of it.
//
// The functions below have the library's own names, so that no caller knows; each fetches the
// library's function when it is first called. Missing library: DeviceError. Safe to call from
// several threads.
#include <cublasLt.h>
#include <dlfcn.h>

#include <string>

#include "kernels/device_error.h"

namespace ofer::kernels::cuda {

namespace {

void* open_library() {
  const std::string name = "libcublasLt.so." + std::to_string(CUBLAS_VER_MAJOR);
  // Where the loader looks, then where the toolkit was that this was built with.
  for (const std::string& path : {name, OFER_CUDA_LIBRARY_FOLDER "/" + name})
    if (void* library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL)) return library;
  throw DeviceError("device cuda: cannot load cuBLAS (" + name +
                    "); install the CUDA Toolkit's libraries or name their folder in "
                    "LD_LIBRARY_PATH, or use device cpu");
}

void* find(const char* function) {
  static void* const library = open_library();
  if (void* found = ::dlsym(library, function)) return found;
  throw DeviceError(std::string("device cuda: the installed cuBLAS has no ") + function +
                    "; use device cpu");
}

}  // namespace

}  // namespace ofer::kernels::cuda

// Hidden, so that a program with its own use of the library keeps it.
#define OFER_FORWARD(Result, function, parameters, arguments)                        \
  extern "C" __attribute__((visibility("hidden"))) Result function parameters {      \
    static const auto found =                                                        \
        reinterpret_cast<decltype(&function)>(ofer::kernels::cuda::find(#function)); \
    return found arguments;                                                          \
  }

OFER_FORWARD(cublasStatus_t, cublasLtCreate, (cublasLtHandle_t * handle), (handle))
OFER_FORWARD(cublasStatus_t, cublasLtDestroy, (cublasLtHandle_t handle), (handle))
OFER_FORWARD(const char*, cublasLtGetStatusString, (cublasStatus_t status), (status))
OFER_FORWARD(cublasStatus_t, cublasLtMatmul,
             (cublasLtHandle_t handle, cublasLtMatmulDesc_t operation, const void* alpha,
              const void* a, cublasLtMatrixLayout_t a_layout, const void* b,
              cublasLtMatrixLayout_t b_layout, const void* beta, const void* c,
              cublasLtMatrixLayout_t c_layout, void* d, cublasLtMatrixLayout_t d_layout,
              const cublasLtMatmulAlgo_t* algorithm, void* workspace, size_t workspace_size,
              cudaStream_t stream),
             (handle, operation, alpha, a, a_layout, b, b_layout, beta, c, c_layout, d, d_layout,
              algorithm, workspace, workspace_size, stream))
OFER_FORWARD(cublasStatus_t, cublasLtMatmulAlgoCheck,
             (cublasLtHandle_t handle, cublasLtMatmulDesc_t operation, cublasLtMatrixLayout_t a,
              cublasLtMatrixLayout_t b, cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d,
              const cublasLtMatmulAlgo_t* algorithm, cublasLtMatmulHeuristicResult_t* result),
             (handle, operation, a, b, c, d, algorithm, result))
OFER_FORWARD(cublasStatus_t, cublasLtMatmulAlgoGetHeuristic,
             (cublasLtHandle_t handle, cublasLtMatmulDesc_t operation, cublasLtMatrixLayout_t a,
              cublasLtMatrixLayout_t b, cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d,
              cublasLtMatmulPreference_t preference, int wanted,
              cublasLtMatmulHeuristicResult_t results[], int* count),
             (handle, operation, a, b, c, d, preference, wanted, results, count))
OFER_FORWARD(cublasStatus_t, cublasLtMatmulDescInit_internal,
             (cublasLtMatmulDesc_t operation, size_t size, cublasComputeType_t compute,
              cudaDataType_t scale),
             (operation, size, compute, scale))
OFER_FORWARD(cublasStatus_t, cublasLtMatmulDescSetAttribute,
             (cublasLtMatmulDesc_t operation, cublasLtMatmulDescAttributes_t name,
              const void* value, size_t size),
             (operation, name, value, size))
OFER_FORWARD(cublasStatus_t, cublasLtMatmulPreferenceInit_internal,
             (cublasLtMatmulPreference_t preference, size_t size), (preference, size))
OFER_FORWARD(cublasStatus_t, cublasLtMatmulPreferenceSetAttribute,
             (cublasLtMatmulPreference_t preference, cublasLtMatmulPreferenceAttributes_t name,
              const void* value, size_t size),
             (preference, name, value, size))
OFER_FORWARD(cublasStatus_t, cublasLtMatrixLayoutInit_internal,
             (cublasLtMatrixLayout_t layout, size_t size, cudaDataType type, uint64_t rows,
              uint64_t columns, int64_t distance),
             (layout, size, type, rows, columns, distance))
OFER_FORWARD(cublasStatus_t, cublasLtMatrixLayoutSetAttribute,
             (cublasLtMatrixLayout_t layout, cublasLtMatrixLayoutAttribute_t name,
              const void* value, size_t size),
             (layout, name, value, size))
