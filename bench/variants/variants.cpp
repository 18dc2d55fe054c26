#include "bench/variants/variants.h"

namespace ofer::bench {

const Variants& variants([[maybe_unused]] const std::string& device) {
#if defined(OFER_HAVE_CUDA)
  if (device == "cuda") return kernels::cuda::variants::all();
#endif
#if defined(OFER_HAVE_SIMT)
  if (device == "simt") return kernels::simt::variants::all();
#endif
  static const Variants none;
  return none;
}

}  // namespace ofer::bench
