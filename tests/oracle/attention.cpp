#include <algorithm>
#include <vector>

#include "tests/oracle/oracle.h"

namespace ofer::oracle {

using std::exp;
using std::log;
using test::constant;
using test::exp;
using test::log;

template <class R>
void attention(const kernels::AttentionArgs<R>& args) {
  const Index width = args.head_width;
  const Index rows = args.segments.rows();
  const R scale = constant<R>(args.scale);
  // which: 0 q, 1 k, 2 v.
  const auto vector_of = [&](Index row, Index which, Index head) {
    return args.qkv + ((row * 3 + which) * args.heads + head) * width;
  };
  for (Index s = 0; s < args.segments.count; ++s) {
    const std::int32_t* used = args.segments.offsets + s * args.segments.stride;
    const Index first = used[0], last = used[1];
    for (Index head = 0; head < args.heads; ++head)
      for (Index row = first; row < last; ++row) {
        std::vector<R> score;
        for (Index other = first; other < last; ++other) {
          R product = 0;
          for (Index i = 0; i < width; ++i)
            product += vector_of(row, 0, head)[i] * vector_of(other, 1, head)[i];
          score.push_back(scale * product);
        }
        const R largest = *std::max_element(score.begin(), score.end());
        R sum = 0;
        for (const R& value : score) sum += exp(value - largest);
        for (Index i = 0; i < width; ++i) {
          R y = 0;
          for (Index other = first; other < last; ++other)
            y += exp(score[static_cast<std::size_t>(other - first)] - largest) / sum *
                 vector_of(other, 2, head)[i];
          args.y[(row * args.heads + head) * width + i] = y;
        }
        if (args.logsumexp) args.logsumexp[head * rows + row] = largest + log(sum);
      }
  }
}

OFER_ORACLE(attention, AttentionArgs)

}  // namespace ofer::oracle
