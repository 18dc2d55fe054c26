#include "engine/ops_support.h"

namespace ofer::ops {

namespace {

// A strided copy between two tensors: `shape` elements, from x's element `x_first` with `x_strides`
// to y's element `y_first` with `y_strides`.
struct StridedCopy {
  Shape shape;
  std::int64_t x_first = 0, y_first = 0;
  std::int64_t x_strides[Shape::kMaxRank] = {};
  std::int64_t y_strides[Shape::kMaxRank] = {};

  // The same elements the other way.
  StridedCopy reversed() const {
    StridedCopy r = *this;
    r.x_first = y_first;
    r.y_first = x_first;
    for (int axis = 0; axis < Shape::kMaxRank; ++axis) {
      r.x_strides[axis] = y_strides[axis];
      r.y_strides[axis] = x_strides[axis];
    }
    return r;
  }
};

void dense_strides(const Shape& shape, std::int64_t* strides) {
  std::int64_t stride = 1;
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    strides[axis] = stride;
    stride *= shape[axis];
  }
}

void run(Session& session, const Tensor& x, const Tensor& y, const StridedCopy& copy,
         bool accumulate = false) {
  dispatch(x.dtype(), [&]<class T>() {
    kernels::CopyArgs<T> args{};
    args.x = x.data<T>() + copy.x_first;
    args.y = y.data<T>() + copy.y_first;
    args.rank = copy.shape.rank();
    for (int axis = 0; axis < copy.shape.rank(); ++axis) {
      args.shape[axis] = copy.shape[axis];
      args.x_strides[axis] = copy.x_strides[axis];
      args.y_strides[axis] = copy.y_strides[axis];
    }
    args.accumulate = accumulate;
    OFER_CALL(session, copy, args);
  });
}

// y = copy of x (y dense and written in full); gradients go back the same way. `covers`: does the
// copy touch every element of x? If not, the others' gradient is zero.
Tensor copy_from(Session& session, const Tensor& x, const Shape& y_shape, const StridedCopy& copy,
                 bool covers) {
  Tensor y = session.allocate(y_shape);
  run(session, x, y, copy);
  if (Tape* tape = follows(session, {&x}))
    tape->record(y, [=](Session& s, const Tensor& dy) {
      const Tensor dx = covers ? s.allocate(x.shape()) : full(s, x.shape(), 0);
      run(s, dy, dx, copy.reversed());
      s.tape()->add_gradient(s, x, dx);
    });
  return y;
}

}  // namespace

void copy_to(Session& session, const Tensor& x, const Tensor& y) {
  check_input(session, x, "copy_to", "x");
  check_input(session, y, "copy_to", "y");
  require(x.elements() == y.elements(), ErrorCode::kBadArgument, "copy_to: ",
          x.shape(), " to ", y.shape());
  StridedCopy copy;
  copy.shape = {x.elements()};
  copy.x_strides[0] = copy.y_strides[0] = 1;
  run(session, x, y, copy);
}

Tensor slice(Session& session, const Tensor& x, int axis, std::int64_t first, std::int64_t count) {
  check_input(session, x, "slice", "x");
  const int at = axis_of(x, axis);
  require(first >= 0 && count >= 0 && first + count <= x.size(at), ErrorCode::kBadArgument,
          "slice: elements ", first, "..", first + count, " of axis ", axis, " of ",
          x.shape());
  StridedCopy copy;
  copy.shape = x.shape();
  copy.shape[at] = count;
  dense_strides(x.shape(), copy.x_strides);
  dense_strides(copy.shape, copy.y_strides);
  copy.x_first = first * copy.x_strides[at];
  return copy_from(session, x, copy.shape, copy, count == x.size(at));
}

Tensor flip(Session& session, const Tensor& x, int axis) {
  check_input(session, x, "flip", "x");
  const int at = axis_of(x, axis);
  StridedCopy copy;
  copy.shape = x.shape();
  dense_strides(x.shape(), copy.x_strides);
  dense_strides(x.shape(), copy.y_strides);
  copy.x_first = x.size(at) > 0 ? (x.size(at) - 1) * copy.x_strides[at] : 0;
  copy.x_strides[at] = -copy.x_strides[at];
  return copy_from(session, x, x.shape(), copy, true);
}

Tensor permute(Session& session, const Tensor& x, std::initializer_list<int> order) {
  check_input(session, x, "permute", "x");
  require(static_cast<int>(order.size()) == x.rank(), ErrorCode::kBadArgument, "permute: ",
          order.size(), " axes for a tensor of shape ", x.shape());
  std::int64_t strides[Shape::kMaxRank];
  dense_strides(x.shape(), strides);
  StridedCopy copy;
  unsigned seen = 0;
  int to = 0;
  for (int axis : order) {
    const int from = axis_of(x, axis);
    require(!(seen & (1u << from)), ErrorCode::kBadArgument, "permute: axis ", axis, " twice");
    seen |= 1u << from;
    copy.shape.push_back(x.size(from));
    copy.x_strides[to++] = strides[from];
  }
  dense_strides(copy.shape, copy.y_strides);
  return copy_from(session, x, copy.shape, copy, true);
}

Tensor concatenate(Session& session, std::span<const Tensor> parts, int axis) {
  require(!parts.empty(), ErrorCode::kBadArgument, "concatenate: no tensors");
  const int at = axis_of(parts[0], axis);
  Shape shape = parts[0].shape();
  shape[at] = 0;
  bool followed = false;
  for (const Tensor& part : parts) {
    check_input(session, part, "concatenate", "a part");
    Shape rest = part.shape();
    require(rest.rank() == shape.rank(), ErrorCode::kBadArgument, "concatenate: parts ",
            parts[0].shape(), " and ", part.shape());
    rest[at] = shape[at];
    require(rest == shape, ErrorCode::kBadArgument, "concatenate: parts ",
            parts[0].shape(), " and ", part.shape());
    shape[at] += part.size(at);
    followed = followed || follows(session, {&part});
  }
  // A recorded step keeps its parts inside itself, so many are joined half by half.
  constexpr std::size_t kMostRecorded = 8;
  if (followed && parts.size() > kMostRecorded) {
    const std::size_t half = parts.size() / 2;
    return concatenate(session,
                       {concatenate(session, parts.first(half), at),
                        concatenate(session, parts.subspan(half), at)},
                       at);
  }
  Tensor y = session.allocate(shape);
  std::int64_t y_strides[Shape::kMaxRank];
  dense_strides(shape, y_strides);
  std::int64_t first = 0;
  struct Part {
    Tensor x;
    StridedCopy copy;
  };
  Part recorded[kMostRecorded];
  for (std::size_t i = 0; i < parts.size(); ++i) {
    StridedCopy copy;
    copy.shape = parts[i].shape();
    dense_strides(parts[i].shape(), copy.x_strides);
    for (int k = 0; k < shape.rank(); ++k) copy.y_strides[k] = y_strides[k];
    copy.y_first = first * y_strides[at];
    run(session, parts[i], y, copy);
    first += parts[i].size(at);
    if (followed) recorded[i] = {parts[i], copy};
  }
  if (followed)
    session.tape()->record(y, [=, count = parts.size()](Session& s, const Tensor& dy) {
      for (std::size_t i = 0; i < count; ++i) {
        const Tensor dx = gradient_for(s, recorded[i].x);
        if (!dx.defined()) continue;
        run(s, dy, dx, recorded[i].copy.reversed());
        s.tape()->add_gradient(s, recorded[i].x, dx);
      }
    });
  return y;
}

Tensor concatenate(Session& session, std::initializer_list<Tensor> parts, int axis) {
  return concatenate(session, std::span<const Tensor>(parts.begin(), parts.size()), axis);
}

namespace {

void check_index(const Tensor& index, std::int64_t rows, const char* name) {
  require(index.defined() && index.dtype() == DType::kI32, ErrorCode::kBadArgument, name,
          ": the index must be i32");
  require(index.rank() == 1 && (rows < 0 || index.size(0) == rows), ErrorCode::kBadArgument, name,
          ": the index has shape ", index.shape());
}

void run_gather(Session& session, const Tensor& x, const Tensor& index, const Tensor& fill,
                const Tensor& y) {
  dispatch(x.dtype(), [&]<class T>() {
    kernels::GatherRowsArgs<T> args{x.data<T>(), index.data<std::int32_t>(), fill.data<T>(),
                                    y.data<T>(), y.size(0),                  x.size(0),
                                    x.size(1)};
    OFER_CALL(session, gather_rows, args);
  });
}

void run_scatter(Session& session, const Tensor& dy, const Tensor& index, const Tensor& dx,
                 const Tensor& dfill, std::int64_t x_rows) {
  dispatch(dy.dtype(), [&]<class T>() {
    kernels::GatherRowsBackwardArgs<T> args{dy.data<T>(),    index.data<std::int32_t>(),
                                            dx.data<T>(),    dfill.data<T>(),
                                            dy.size(0),      x_rows,
                                            dy.size(1)};
    OFER_CALL(session, gather_rows_backward, args);
  });
}

}  // namespace

Tensor gather_rows(Session& session, const Tensor& x, const Tensor& index, const Tensor& fill) {
  check_input(session, x, "gather_rows", "x");
  check_rank(x, 2, 2, "gather_rows", "x");
  check_index(index, -1, "gather_rows");
  if (fill.defined()) {
    check_input(session, fill, "gather_rows", "fill");
    check_shape(fill, {x.size(1)}, "gather_rows", "fill");
  }
  Tensor y = session.allocate({index.size(0), x.size(1)});
  run_gather(session, x, index, fill, y);
  if (Tape* tape = follows(session, {&x, &fill}))
    tape->record(y, [=](Session& s, const Tensor& dy) {
      const Tensor dx = gradient_for(s, x);
      const Tensor dfill = gradient_for(s, fill);
      run_scatter(s, dy, index, dx, dfill, x.size(0));
      if (dx.defined()) s.tape()->add_gradient(s, x, dx);
      if (dfill.defined()) s.tape()->add_gradient(s, fill, dfill);
    });
  return y;
}

Tensor scatter_rows(Session& session, const Tensor& x, const Tensor& index, std::int64_t rows) {
  check_input(session, x, "scatter_rows", "x");
  check_rank(x, 2, 2, "scatter_rows", "x");
  check_index(index, x.size(0), "scatter_rows");
  Tensor y = session.allocate({rows, x.size(1)});
  run_scatter(session, x, index, y, {}, rows);
  if (Tape* tape = follows(session, {&x}))
    tape->record(y, [=](Session& s, const Tensor& dy) {
      const Tensor dx = s.allocate(x.shape());
      run_gather(s, dy, index, {}, dx);
      s.tape()->add_gradient(s, x, dx);
    });
  return y;
}

namespace {

Tensor move_patches(Session& session, const Tensor& x, const Shape& y_shape,
                    std::int64_t batch, std::int64_t channels, std::int64_t rows,
                    std::int64_t columns, std::int64_t patch, bool channels_first, bool to_image) {
  const auto run_patches = [=](Session& s, const Tensor& from, const Tensor& to, bool image) {
    dispatch(from.dtype(), [&]<class T>() {
      kernels::PatchesArgs<T> args{from.data<T>(), to.data<T>(), batch, channels, rows, columns,
                                   patch,
                                   channels_first ? kernels::PatchOrder::kChannelRowColumn
                                                  : kernels::PatchOrder::kRowColumnChannel,
                                   image};
      OFER_CALL(s, patches, args);
    });
  };
  Tensor y = session.allocate(y_shape);
  run_patches(session, x, y, to_image);
  if (Tape* tape = follows(session, {&x}))
    tape->record(y, [=](Session& s, const Tensor& dy) {
      const Tensor dx = s.allocate(x.shape());
      run_patches(s, dy, dx, !to_image);
      s.tape()->add_gradient(s, x, dx);
    });
  return y;
}

}  // namespace

Tensor to_patches(Session& session, const Tensor& images, int patch, bool channels_first) {
  check_input(session, images, "to_patches", "images");
  check_rank(images, 4, 4, "to_patches", "images");
  require(patch > 0 && images.size(2) % patch == 0 && images.size(3) % patch == 0,
          ErrorCode::kBadArgument, "to_patches: images of ", images.shape(),
          " do not divide into patches of ", patch);
  const std::int64_t channels = images.size(1), rows = images.size(2) / patch,
                     columns = images.size(3) / patch;
  return move_patches(session, images,
                      {images.size(0), rows * columns, patch * patch * channels}, images.size(0),
                      channels, rows, columns, patch, channels_first, false);
}

Tensor from_patches(Session& session, const Tensor& patches, int channels, int rows, int columns,
                    int patch, bool channels_first) {
  check_input(session, patches, "from_patches", "patches");
  check_rank(patches, 3, 3, "from_patches", "patches");
  const std::int64_t batch = patches.size(0);
  check_shape(patches,
              {batch, std::int64_t{rows} * columns, std::int64_t{patch} * patch * channels},
              "from_patches", "patches");
  return move_patches(session, patches,
                      {batch, channels, std::int64_t{rows} * patch, std::int64_t{columns} * patch},
                      batch, channels, rows, columns, patch, channels_first, true);
}

}  // namespace ofer::ops
