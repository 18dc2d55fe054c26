"""Stage 2a: the masked autoencoder. Encoder over the visible patches, decoder over all of them."""
import torch
from torch import nn

from layers import LayerNorm, Linear, parameter
from vit import Block, Encoder


def patchify(image, patch):
    """[N, 3, S, S] -> [N, L, p*p*3], pixel order row, column, channel."""
    n, c, height, width = image.shape
    rows, columns = height // patch, width // patch
    x = image.view(n, c, rows, patch, columns, patch).permute(0, 2, 4, 3, 5, 1)
    return x.reshape(n, rows * columns, patch * patch * c)


def unpatchify(patches, patch, columns):
    """The inverse of patchify."""
    n, count, values = patches.shape
    rows, c = count // columns, values // patch ** 2
    x = patches.view(n, rows, columns, patch, patch, c).permute(0, 5, 1, 3, 2, 4)
    return x.reshape(n, c, rows * patch, columns * patch)


def visible_statistics(image, visible, patch):
    """Mean and deviation [N, 1, 1] of the visible patches: means of the per-patch figures.

    Mean 0 and deviation 1 where an image has no visible patch.
    """
    values = patchify(image, patch)
    means = values.mean(dim=2)
    deviations = torch.sqrt(values.var(dim=2, unbiased=True) + 1e-6)
    mean = torch.zeros(len(image), 1, 1, dtype=image.dtype)
    deviation = torch.ones_like(mean)
    for n, seen in enumerate(visible):
        if seen.any():
            mean[n] = means[n][seen].mean()
            deviation[n] = deviations[n][seen].mean()
    return mean, deviation


class Decoder(nn.Module):
    def __init__(self, size, encoder_width, patch, patches):
        super().__init__()
        self.depth = size.depth
        self.embed = Linear(encoder_width, size.width)
        self.mask_token = parameter(size.width)
        self.position = parameter(patches + 1, size.width)
        for k in range(size.depth):
            self.add_module(f"block{k:02d}", Block(size.width, size.heads, size.mlp_width))
        self.norm = LayerNorm(size.width)
        self.predict = Linear(size.width, patch * patch * 3)

    def forward(self, tokens, lengths, visible, tap, prefix):
        """tokens [T, D] packed -> (normed [N, L, E], predicted [N, L, p*p*3]), no class token."""
        n, patches = visible.shape
        embedded = self.embed(tokens).split(lengths)
        x = self.mask_token.repeat(n, patches + 1, 1)
        for image, (rows, seen) in enumerate(zip(embedded, visible)):
            x[image, 0] = rows[0]
            x[image, 1:][seen] = rows[1:]
        x = x + self.position
        tap(f"{prefix}/embed", x)

        def unpacked(name, value):
            tap(name, value.view(n, patches + 1, -1))

        x = x.view(n * (patches + 1), -1)
        for k in range(self.depth):
            name = f"block{k:02d}"
            x = getattr(self, name)(x, [patches + 1] * n, unpacked, f"{prefix}/{name}")
        x = self.norm(x)
        unpacked(f"{prefix}/norm", x)
        normed = x.view(n, patches + 1, -1)[:, 1:]
        predicted = self.predict(normed)
        tap(f"{prefix}/predict", predicted)
        return normed, predicted


class Autoencoder(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.patch_size, self.grid = config.patch_size, config.grid
        self.norm_pix_loss = config.decoder.norm_pix_loss
        self.latent_source = config.recogniser.latent_source
        self.encoder = Encoder(config.encoder, config.patch_size, config.patches)
        self.decoder = Decoder(config.decoder, config.encoder.width, config.patch_size,
                               config.patches)

    def latent(self, encoded, lengths, visible, decoded):
        """[N, L, W]; from the encoder, a covered patch's row is zero."""
        if self.latent_source == "decoder_norm":
            return decoded
        latent = torch.zeros(*visible.shape, encoded.shape[1], dtype=encoded.dtype)
        for image, (rows, seen) in enumerate(zip(encoded.split(lengths), visible)):
            latent[image][seen] = rows[1:]
        return latent

    def forward(self, image, visible, tap):
        """image [N, 3, S, S] normalised, visible [N, L] bool.

        Returns (latent [N, L, W], painted [N, 3, S, S] in normalised space, not clamped).
        """
        outputs, lengths = self.encoder(image, visible, tap, "reconstruct/encoder")
        decoded, predicted = self.decoder(outputs["norm"], lengths, visible, tap,
                                          "reconstruct/decoder")
        latent = self.latent(outputs["norm"], lengths, visible, decoded)
        tap("reconstruct/latent", latent)
        if self.norm_pix_loss:
            mean, deviation = visible_statistics(image, visible, self.patch_size)
            predicted = predicted * deviation + mean
        return latent, unpatchify(predicted, self.patch_size, self.grid)
