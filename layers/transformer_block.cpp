#include "layers/transformer_block.h"

namespace ofer::layers {

namespace {

// x + layer(h): fused into the product, unless somebody wants to see layer(h) apart.
Tensor add_branch(Session& s, const char* name, const Linear& layer, const Tensor& h,
                  const Tensor& x, const Ragged& rows, bool grid) {
  ops::LinearEnd end;
  end.rows = &rows;
  if (!s.tapping(name)) {
    end.residual = x;
    return layer(s, h, end);
  }
  Tensor branch = layer(s, h, end);
  s.tap(name, branch, shown(branch, rows, grid));
  if (s.tape()) return ops::add(s, x, branch);
  ops::accumulate(s, branch, x);
  return x;
}

}  // namespace

Tensor TransformerBlock::operator()(Session& s, const Tensor& input, const Ragged& rows,
                                    bool grid) const {
  Tensor x = input;
  ops::LinearEnd plain;
  plain.rows = &rows;
  {
    const Workspace::Scope scope(s.workspace());
    Tensor h = norm1(s, x);
    h = qkv(s, h, plain);
    h = ops::attention(s, h, rows, heads);
    x = add_branch(s, "attention", projection, h, x, rows, grid);
  }
  {
    const Workspace::Scope scope(s.workspace());
    Tensor h = norm2(s, x);
    ops::LinearEnd gelu = plain;
    gelu.activation = ops::Activation::kGelu;
    h = up(s, h, gelu);
    x = add_branch(s, "mlp", down, h, x, rows, grid);
  }
  return x;
}

}  // namespace ofer::layers
