"""Records of what happens inside a forward pass, by name (the list is in docs/model.md)."""


def no_taps(name, value):
    """The recorder that records nothing."""


class Taps(dict):
    """Keeps every named value in execution order.

    `margins` tells how far the pass stayed from its discontinuities (a distance near the radius,
    two best matches alike): where one is tiny, float32 may rightly decide the other way.
    """

    def __init__(self):
        super().__init__()
        self.margins = {}

    def __call__(self, name, value):
        if name in self:
            raise ValueError(f"tap '{name}' was recorded twice")
        self[name] = value

    def margin(self, name, value):
        self.margins[name] = min(self.margins.get(name, float("inf")), float(value))


def margin_of(tap):
    """The margin recorder of `tap`, or None where nobody asks."""
    return getattr(tap, "margin", None)
