#include <cmath>

#include "engine/ops_support.h"

namespace ofer::ops {

using kernels::Wide;

Tensor attention(Session& session, const Tensor& qkv, const Ragged& rows, int heads) {
  check_input(session, qkv, "attention", "qkv");
  check_rank(qkv, 2, 2, "attention", "qkv");
  require(heads > 0 && qkv.size(1) % (3 * heads) == 0, ErrorCode::kBadArgument, "attention: width ",
          qkv.size(1), " is not 3 x ", heads, " heads");
  require(rows.rows() == qkv.size(0), ErrorCode::kBadArgument, "attention: ", qkv.size(0),
          " rows, but the packed batch has ", rows.rows());
  const std::int64_t width = qkv.size(1) / 3, head_width = width / heads;
  const double scale = 1.0 / std::sqrt(static_cast<double>(head_width));
  Tensor y = session.allocate({qkv.size(0), width});
  Tape* tape = follows(session, {&qkv});
  const Tensor logsumexp =
      tape ? session.allocate({heads, qkv.size(0)}, wide(qkv.dtype())) : Tensor{};
  dispatch(qkv.dtype(), [&]<class T>() {
    kernels::AttentionArgs<T> args{
        qkv.data<T>(), y.data<T>(), logsumexp.data<Wide<T>>(), rows.segments(), heads,
        head_width,    scale};
    OFER_CALL(session, attention, args);
  });
  if (tape)
    tape->record(y, [=](Session& s, const Tensor& dy) {
      const Tensor dqkv = s.allocate(qkv.shape());
      dispatch(dy.dtype(), [&]<class T>() {
        kernels::AttentionBackwardArgs<T> args{
            dy.data<T>(),   qkv.data<T>(),   y.data<T>(), logsumexp.data<Wide<T>>(),
            dqkv.data<T>(), rows.segments(), heads,       head_width,
            scale};
        OFER_CALL(s, attention_backward, args);
      });
      s.tape()->add_gradient(s, qkv, dqkv);
    });
  return y;
}

}  // namespace ofer::ops
