#include "weights/torch_objects.h"

#include <algorithm>
#include <array>
#include <limits>
#include <string>
#include <utility>

#include "engine/error.h"
#include "weights/strict_json.h"

namespace ofer {
namespace {

using Kind = PickleValue::Kind;

// What a name stands for. The names of types carry their place in kTorchTypes in the value's bits.
enum GlobalTag : std::uint32_t {
  kOrderedDict,
  kSize,
  kRebuildTensor,     // (storage, offset, shape, strides)
  kRebuildTensorV2,   // the same, requires_grad, hooks[, metadata]
  kRebuildTensorV3,   // the same, requires_grad, hooks, dtype[, metadata]
  kRebuildParameter,  // (tensor, requires_grad, hooks)
  kStorageType,
  kUntypedStorage,
  kDtype,
  kPassedOver  // made beside the tensors by training programs; never looked into
};

enum ObjectTag : std::uint32_t { kView, kTensor, kSomething };

struct KnownName {
  std::string_view module, name;
  GlobalTag tag;
};

constexpr KnownName kNames[] = {
    {"collections", "OrderedDict", kOrderedDict},
    {"torch", "Size", kSize},
    {"torch._utils", "_rebuild_tensor", kRebuildTensor},
    {"torch._utils", "_rebuild_tensor_v2", kRebuildTensorV2},
    {"torch._utils", "_rebuild_tensor_v3", kRebuildTensorV3},
    {"torch._utils", "_rebuild_parameter", kRebuildParameter},
    {"torch", "UntypedStorage", kUntypedStorage},
    {"torch.storage", "UntypedStorage", kUntypedStorage},
    {"torch.storage", "_UntypedStorage", kUntypedStorage},
    {"torch", "device", kPassedOver},
    {"argparse", "Namespace", kPassedOver},            // the arguments of a training run
    {"collections", "Counter", kPassedOver},           // milestones of a learning-rate schedule
    {"numpy.core.multiarray", "scalar", kPassedOver},  // a best accuracy, an iteration's number
    {"numpy._core.multiarray", "scalar", kPassedOver},
    {"numpy", "dtype", kPassedOver},
    {"_codecs", "encode", kPassedOver},  // bytes in protocol 2, of numpy's scalars
};

bool whole(PickleValue value) {
  return value.is(Kind::kInteger) && value.integer() >= 0;
}

}  // namespace

const TorchTensor* TorchObjects::tensor(PickleValue value) const {
  if (!value.is(Kind::kObject) || value.tag != kTensor) return nullptr;
  return &tensors_[value.bits];
}

std::int64_t TorchObjects::find(std::string_view key) const {
  const auto found = by_key_.find(key);
  return found == by_key_.end() ? -1 : std::int64_t{found->second};
}

PickleValue TorchObjects::global(Pickle& pickle, std::string_view module, std::string_view name) {
  for (const KnownName& known : kNames)
    if (known.module == module && known.name == name) return {Kind::kGlobal, known.tag, 0};
  for (std::size_t i = 0; i < std::size(kTorchTypes); ++i) {
    if (module == "torch" && name == kTorchTypes[i].dtype) return {Kind::kGlobal, kDtype, i};
    if (module == "torch" && name == kTorchTypes[i].storage)
      return {Kind::kGlobal, kStorageType, i};
  }
  pickle.bad("the name ", printable(std::string(module) + "." + std::string(name)),
             " is refused: tensors do not need it, and nothing in a checkpoint is run; in Python, "
             "save a dictionary of tensors (model.state_dict()) instead");
}

PickleValue TorchObjects::call(Pickle& pickle, PickleValue callable, PickleValue arguments) {
  const std::span<const PickleValue> items = pickle.items(arguments);
  switch (callable.tag) {
    case kOrderedDict: {
      // Python 2 gives the items here, as a list of pairs.
      std::vector<PickleValue> pairs;
      if (items.size() > 1 || (items.size() == 1 && !items[0].is(Kind::kList)))
        pickle.bad("OrderedDict with arguments that are not a list");
      if (items.size() == 1) {
        for (PickleValue pair : pickle.items(items[0])) {
          if ((!pair.is(Kind::kList) && !pair.is(Kind::kTuple)) || pickle.items(pair).size() != 2)
            pickle.bad("OrderedDict of something that is not a list of pairs");
          pairs.insert(pairs.end(), pickle.items(pair).begin(), pickle.items(pair).end());
        }
      }
      return pickle.ordered_dict(std::move(pairs));
    }
    case kSize:
      if (items.size() != 1 || !items[0].is(Kind::kTuple)) pickle.bad("torch.Size of no tuple");
      return items[0];
    case kRebuildTensor:
      if (items.size() != 4) pickle.bad("a tensor with ", items.size(), " arguments");
      return rebuild_tensor(pickle, items, nullptr);
    case kRebuildTensorV2:
      if (items.size() != 6 && items.size() != 7)
        pickle.bad("a tensor with ", items.size(), " arguments");
      return rebuild_tensor(pickle, items, nullptr);
    case kRebuildTensorV3:
      if (items.size() != 7 && items.size() != 8)
        pickle.bad("a tensor with ", items.size(), " arguments");
      if (!items[6].is(Kind::kGlobal) || items[6].tag != kDtype)
        pickle.bad("a tensor without an element type");
      return rebuild_tensor(pickle, items, &kTorchTypes[items[6].bits]);
    case kRebuildParameter:
      if (items.size() != 3 || !tensor(items[0])) pickle.bad("a parameter without a tensor");
      return items[0];
    case kPassedOver:
      return {Kind::kObject, kSomething, 0};
    default:
      pickle.bad("a type's name cannot be called");
  }
}

void TorchObjects::build(Pickle& pickle, PickleValue object, PickleValue state) {
  // Attributes of a dictionary or of a thing that is passed over are passed over with it; a tensor
  // has none.
  if (object.is(Kind::kObject) && object.tag != kSomething)
    pickle.bad("a tensor with a state of its own (", describe(state.kind), ") is refused");
}

PickleValue TorchObjects::persistent(Pickle& pickle, PickleValue id) {
  if (!id.is(Kind::kTuple)) pickle.bad("a reference that is ", describe(id.kind), ", not a tuple");
  const std::span<const PickleValue> items = pickle.items(id);
  if (items.empty() || !items[0].is(Kind::kText)) pickle.bad("a reference without a kind");
  if (pickle.text(items[0]) != "storage")
    pickle.bad("a reference to ", printable(pickle.text(items[0])),
               " is refused: only storages are read; in Python, save model.state_dict() instead");
  const std::uint32_t storage = add_storage(pickle, items);
  View view{storage, 0, storages_[storage].elements};
  if (items.size() == 6 && !items[5].is(Kind::kNone)) {
    // Old versions: (key of the view, first element, elements).
    const auto part =
        items[5].is(Kind::kTuple) ? pickle.items(items[5]) : std::span<const PickleValue>();
    if (part.size() != 3 || !whole(part[1]) || !whole(part[2]) || part[1].bits > view.elements ||
        part[2].bits > view.elements - part[1].bits)
      pickle.bad("a view of storage ", printable(storages_[storage].key), " that does not fit it");
    view.offset = part[1].bits;
    view.elements = part[2].bits;
  }
  if (views_.size() == kMaxObjects) pickle.bad("more than ", kMaxObjects, " references");
  views_.push_back(view);
  return {Kind::kObject, kView, views_.size() - 1};
}

// ("storage", type, key, device, elements[, view])
std::uint32_t TorchObjects::add_storage(Pickle& pickle, std::span<const PickleValue> id) {
  if ((id.size() != 5 && id.size() != 6) || !id[2].is(Kind::kText) || !id[3].is(Kind::kText) ||
      !whole(id[4]))
    pickle.bad("a storage without type, key, device and size");
  if (!id[1].is(Kind::kGlobal) || (id[1].tag != kStorageType && id[1].tag != kUntypedStorage))
    pickle.bad("a storage of no type");
  TorchStorage storage{pickle.text(id[2]), nullptr, id[4].bits, id[4].bits};
  if (id[1].tag == kStorageType) {
    storage.type = &kTorchTypes[id[1].bits];
    if (__builtin_mul_overflow(storage.elements, storage.type->bytes, &storage.bytes))
      pickle.bad("storage ", printable(storage.key), " has too many elements");
  }
  const auto [place, added] =
      by_key_.try_emplace(storage.key, static_cast<std::uint32_t>(storages_.size()));
  if (added) {
    storages_.push_back(storage);
  } else {
    const TorchStorage& before = storages_[place->second];
    if (before.type != storage.type || before.elements != storage.elements)
      pickle.bad("storage ", printable(storage.key), " is referred to with two types or sizes");
  }
  return place->second;
}

PickleValue TorchObjects::rebuild_tensor(Pickle& pickle, std::span<const PickleValue> arguments,
                                         const TorchType* type) {
  const PickleValue from = arguments[0];
  if (!from.is(Kind::kObject) || from.tag != kView) pickle.bad("a tensor without a storage");
  const View& view = views_[from.bits];
  const TorchStorage& storage = storages_[view.storage];
  if (!type) type = storage.type;
  if (!type) pickle.bad("a tensor without an element type");
  if (storage.type && storage.type != type)
    pickle.bad("a tensor of another type than its storage's");
  if (!whole(arguments[1]) || !arguments[2].is(Kind::kTuple) || !arguments[3].is(Kind::kTuple))
    pickle.bad("a tensor without offset, shape and strides");
  const auto extents = pickle.items(arguments[2]), strides = pickle.items(arguments[3]);
  if (extents.size() != strides.size()) pickle.bad("a tensor whose strides do not fit its shape");
  if (extents.size() > std::size_t{Shape::kMaxRank})
    pickle.bad("a tensor with more than ", Shape::kMaxRank, " axes");

  TorchTensor tensor{view.storage, type, {}, 0, {}};
  std::uint64_t elements = 1, last = 0;  // last: farthest element from the first
  bool empty = false, overflow = false;
  for (std::size_t axis = 0; axis < extents.size(); ++axis) {
    if (!whole(extents[axis]) || !whole(strides[axis]))
      pickle.bad("a tensor with an extent or stride that is no whole number from 0 on");
    tensor.shape.push_back(extents[axis].integer());
    tensor.strides[axis] = strides[axis].bits;
    if (extents[axis].bits == 0) {
      empty = true;
      continue;
    }
    std::uint64_t reach = 0;
    overflow |= __builtin_mul_overflow(elements, extents[axis].bits, &elements);
    overflow |= __builtin_mul_overflow(extents[axis].bits - 1, strides[axis].bits, &reach);
    overflow |= __builtin_add_overflow(last, reach, &last);
  }
  overflow |= __builtin_add_overflow(view.offset, arguments[1].bits, &tensor.offset);
  const std::uint64_t unit = storage.type ? 1 : type->bytes;  // of the view's numbers, in elements
  if (unit != 1 && view.offset != 0) pickle.bad("a view of a storage without a type");
  const std::uint64_t held = view.elements / unit;
  if (overflow || elements > std::uint64_t{std::numeric_limits<std::int64_t>::max()} / 16)
    pickle.bad("a tensor of shape ", tensor.shape, " has too many elements");
  if (!empty) {
    if (arguments[1].bits >= held || last >= held - arguments[1].bits)
      pickle.bad("a tensor of shape ", tensor.shape, " reaches beyond its storage ",
                 printable(storage.key), " of ", held, " elements");
    if (elements > held && elements > kMaxExpanded)
      pickle.bad("a tensor of shape ", tensor.shape, " repeats the ", held,
                 " elements of its storage; in Python, save it with .contiguous()");
  }
  if (tensors_.size() == kMaxObjects) pickle.bad("more than ", kMaxObjects, " tensors");
  tensors_.push_back(tensor);
  return {Kind::kObject, kTensor, tensors_.size() - 1};
}

}  // namespace ofer
