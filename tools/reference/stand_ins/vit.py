"""ViT encoder and masked autoencoder, in the names of timm and MAE."""
import torch
from torch import nn

EPS = 1e-6


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x, together):
        """x [N, t, D]; together [t, t] bool: which tokens see each other, None for all."""
        q, k, v = (part.unflatten(2, (self.heads, -1)) for part in self.qkv(x).chunk(3, dim=2))
        scores = torch.einsum("nihd,njhd->nhij", q, k) * q.shape[-1] ** -0.5
        if together is not None:
            scores = scores.masked_fill(~together, float("-inf"))
        mixed = torch.einsum("nhij,njhd->nihd", scores.softmax(dim=-1), v)
        return self.proj(mixed.flatten(2))


class Mlp(nn.Module):
    def __init__(self, width, inner):
        super().__init__()
        self.fc1 = nn.Linear(width, inner)
        self.act = nn.GELU()
        self.fc2 = nn.Linear(inner, width)

    def forward(self, x):
        return self.fc2(self.act(self.fc1(x)))


class Block(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.norm1 = nn.LayerNorm(size.width, eps=EPS)
        self.attn = Attention(size.width, size.heads)
        self.norm2 = nn.LayerNorm(size.width, eps=EPS)
        self.mlp = Mlp(size.width, size.mlp_width)

    def forward(self, x, together=None):
        x = x + self.attn(self.norm1(x), together)
        return x + self.mlp(self.norm2(x))


class PatchEmbed(nn.Module):
    def __init__(self, patch, width):
        super().__init__()
        self.proj = nn.Conv2d(3, width, patch, stride=patch)

    def forward(self, images):
        return self.proj(images).flatten(2).transpose(1, 2)


class Encoder(nn.Module):
    def __init__(self, size, patch, patches):
        super().__init__()
        self.cls_token = nn.Parameter(torch.zeros(1, 1, size.width))
        self.pos_embed = nn.Parameter(torch.zeros(1, patches + 1, size.width))
        self.patch_embed = PatchEmbed(patch, size.width)
        self.blocks = nn.ModuleList(Block(size) for _ in range(size.depth))
        self.norm = nn.LayerNorm(size.width, eps=EPS)

    def encode(self, images, covered):
        """images [N, 3, S, S], covered [N, L] bool -> (tokens [1, T, D], seen [N, L + 1] bool).

        However many patches an image shows, all tokens stand in one row: for each image the class
        token, then the visible patches. Tokens of different images do not see each other.
        """
        tokens = torch.cat([self.cls_token.expand(len(images), -1, -1), self.patch_embed(images)],
                           dim=1) + self.pos_embed
        seen = torch.cat([torch.ones_like(covered[:, :1]), ~covered], dim=1)
        image = seen.nonzero()[:, 0]
        together = image[:, None] == image
        x = tokens[seen][None]
        for block in self.blocks:
            x = block(x, together)
        return self.norm(x), seen

    def forward(self, images, covered):
        return self.encode(images, covered)[0]


class MaskedAutoencoder(Encoder):
    def __init__(self, config):
        super().__init__(config.encoder, config.patch_size, config.patches)
        size = config.decoder
        self.mask_token = nn.Parameter(torch.zeros(1, 1, size.width))
        self.decoder_pos_embed = nn.Parameter(torch.zeros(1, config.patches + 1, size.width))
        self.decoder_embed = nn.Linear(config.encoder.width, size.width)
        self.decoder_blocks = nn.ModuleList(Block(size) for _ in range(size.depth))
        self.decoder_norm = nn.LayerNorm(size.width, eps=EPS)
        self.decoder_pred = nn.Linear(size.width, 3 * config.patch_size ** 2)

    def forward(self, images, covered):
        """Returns the predicted patches [N, L, p * p * 3]."""
        tokens, seen = self.encode(images, covered)
        x = self.mask_token.repeat(*seen.shape, 1)
        x[seen] = self.decoder_embed(tokens)[0]
        x = x + self.decoder_pos_embed
        for block in self.decoder_blocks:
            x = block(x)
        return self.decoder_pred(self.decoder_norm(x))[:, 1:]


# Hugging Face's name of each of timm's; q, k and v are apart.
HUGGING_FACE = (
    ("cls_token", "embeddings.cls_token"), ("pos_embed", "embeddings.position_embeddings"),
    ("patch_embed.proj.", "embeddings.patch_embeddings.projection."),
    (".norm1.", ".layernorm_before."), (".norm2.", ".layernorm_after."),
    (".attn.proj.", ".attention.output.dense."), (".mlp.fc1.", ".intermediate.dense."),
    (".mlp.fc2.", ".output.dense."), ("blocks.", "encoder.layer."))


def hugging_face_names(state):
    """An encoder's state dict in the names of Hugging Face's transformers."""
    renamed = {}
    for name, value in state.items():
        if ".attn.qkv." in name:
            for part, rows in zip(("query", "key", "value"), value.chunk(3)):
                renamed[name.replace("blocks.", "encoder.layer.").replace(
                    ".attn.qkv.", f".attention.attention.{part}.")] = rows
            continue
        if name.startswith("norm."):
            name = f"layer{name}"
        for ours, theirs in HUGGING_FACE:
            name = name.replace(ours, theirs)
        renamed[name] = value
    return renamed
