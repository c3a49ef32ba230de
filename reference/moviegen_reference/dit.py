"""The backbone (DiT): Movie Gen section 3.1.3, spec section 3.

A LLaMa3 transformer over latent patches: bidirectional attention, cross-attention to text between it and the FFN,
adaLN by the flow's time. Not here: the text encoders (`transformers`), sampling (`flow.py`), training.

Legend: B batch, C latent channels, T H W latent frames, height, width, D model width, N video tokens,
L text tokens, h heads, d head size.
"""

import json
import math
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

TEXT_ORDER = ("ul2", "metaclip", "byt5", "vision")      # the last one: a reference picture, by an image tower


def default_config(**overrides) -> dict:
    """The keys of a DiT's `config.json`; the values are those of `30b`."""
    config = {
        "_class_name": "MovieGenDiT",
        "in_channels": 16,
        "out_channels": None,                     # None: as in_channels; differs in the spatial upsampler
        "patch_size": [1, 2, 2],
        "hidden_size": 6144,
        "num_layers": 48,
        "num_heads": 48,
        "ffn_hidden_size": 16384,
        "norm_eps": 1e-5,
        "timestep_dim": 256,
        "max_grid": [32, 48, 48],                 # rows of the position tables: tokens along t, h, w
        "text_dims": {"ul2": 4096, "metaclip": 1024, "byt5": 1472},
    }
    return config | overrides


class PatchEmbed(nn.Conv3d):
    """A 3D convolution whose stride is its kernel, flattened t-major, then h, then w."""

    def forward(self, x: Tensor) -> Tensor:                                # [B, C, T, H, W]
        return super().forward(x).flatten(2).transpose(1, 2)               # [B, N, D]


class PositionEmbedding(nn.Module):
    """Learnable and factorized: phi_t[t] + phi_h[h] + phi_w[w]. One set of tables for all layers."""

    def __init__(self, max_grid: list[int], D: int):
        super().__init__()
        self.t = nn.Parameter(torch.zeros(max_grid[0], D))
        self.h = nn.Parameter(torch.zeros(max_grid[1], D))
        self.w = nn.Parameter(torch.zeros(max_grid[2], D))

    def forward(self, grid: tuple[int, int, int]) -> Tensor:
        t, h, w = (rows(table, G) for table, G in zip((self.t, self.h, self.w), grid))
        return (t[:, None, None] + h[None, :, None] + w[None, None, :]).flatten(0, 2)  # [N, D]


def rows(table: Tensor, G: int) -> Tensor:
    """The first G rows; where G exceeds the n rows there are, a linear sample at i (n-1)/(G-1)."""
    n = table.shape[0]
    if G <= n:
        return table[:G]
    at = torch.arange(G, dtype=torch.float64, device=table.device) * (n - 1) / (G - 1)
    low = at.floor().long().clamp(max=max(n - 2, 0))
    high = (low + 1).clamp(max=n - 1)
    share = (at - low).to(table.dtype)[:, None]
    return (1 - share) * table[low] + share * table[high]                  # [G, D]


def timestep_embedding(t: Tensor, dim: int) -> Tensor:
    """dim/2 cosines, then dim/2 sines, of 1000 t exp(-ln(10000) i / (dim/2)), in f64, since angles reach 1000."""
    i = torch.arange(dim // 2, dtype=torch.float64, device=t.device)
    angle = 1000.0 * t.double()[:, None] * torch.exp(-math.log(10000.0) * i / (dim // 2))
    return torch.cat([angle.cos(), angle.sin()], dim=-1)                   # [B, dim]


class Attention(nn.Module):
    """Multi-head attention without biases; to itself, or to the text where a context is given."""

    def __init__(self, D: int, heads: int):
        super().__init__()
        self.heads = heads
        self.wq = nn.Linear(D, D, bias=False)
        self.wk = nn.Linear(D, D, bias=False)
        self.wv = nn.Linear(D, D, bias=False)
        self.wo = nn.Linear(D, D, bias=False)

    def forward(self, x: Tensor, context: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        context = x if context is None else context                        # [B, L, D]
        q, k, v = (
            y.unflatten(-1, (self.heads, -1)).transpose(1, 2)              # [B, h, N or L, d]
            for y in (self.wq(x), self.wk(context), self.wv(context))
        )
        if mask is None:
            out = F.scaled_dot_product_attention(q, k, v)
        else:
            any_key = mask.any(dim=1)                                      # [B]; without a key, attention gives 0
            open_mask = (mask | ~any_key[:, None])[:, None, None, :]       # [B, 1, 1, L]
            out = F.scaled_dot_product_attention(q, k, v, attn_mask=open_mask)
            out = out * any_key[:, None, None, None]
        return self.wo(out.transpose(1, 2).flatten(2))                     # [B, N, D]


class FeedForward(nn.Module):
    """SwiGLU: w2(silu(w1 x) * w3 x)."""

    def __init__(self, D: int, hidden: int):
        super().__init__()
        self.w1 = nn.Linear(D, hidden, bias=False)
        self.w2 = nn.Linear(hidden, D, bias=False)
        self.w3 = nn.Linear(D, hidden, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.w2(F.silu(self.w1(x)) * self.w3(x))


class DiTBlock(nn.Module):
    """Gated self-attention, cross-attention to the text (no gate), gated FFN; each adds to the residual."""

    def __init__(self, config: dict):
        super().__init__()
        D, eps = config["hidden_size"], config["norm_eps"]
        self.attention_norm = nn.RMSNorm(D, eps=eps)
        self.attention = Attention(D, config["num_heads"])
        self.cross_attention_norm = nn.RMSNorm(D, eps=eps)
        self.cross_attention = Attention(D, config["num_heads"])
        self.ffn_norm = nn.RMSNorm(D, eps=eps)
        self.feed_forward = FeedForward(D, config["ffn_hidden_size"])
        self.adaln_table = nn.Parameter(torch.zeros(6, D))

    def forward(self, x: Tensor, modulation: Tensor, text: Tensor, mask: Tensor) -> Tensor:
        six = (self.adaln_table + modulation).unsqueeze(2)                 # [B, 6, 1, D]
        shift_a, scale_a, gate_a, shift_f, scale_f, gate_f = six.unbind(1)
        x = x + gate_a * self.attention(self.attention_norm(x) * (1 + scale_a) + shift_a)
        if text.shape[1] > 0:
            x = x + self.cross_attention(self.cross_attention_norm(x), text, mask)
        return x + gate_f * self.feed_forward(self.ffn_norm(x) * (1 + scale_f) + shift_f)


class TextProjection(nn.Module):
    """One encoder's states to the model's width: linear, then LayerNorm."""

    def __init__(self, dim: int, D: int):
        super().__init__()
        self.linear = nn.Linear(dim, D)
        self.norm = nn.LayerNorm(D, eps=1e-5)

    def forward(self, states: Tensor) -> Tensor:
        return self.norm(self.linear(states))


class DiT(nn.Module):
    """Velocity of the flow at X_t, given text and t (0 noise, 1 data)."""

    def __init__(self, config: dict):
        super().__init__()
        self.config = config = default_config() | config
        D, C = config["hidden_size"], config["in_channels"]
        self.out_channels = config["out_channels"] or C
        self.patch = tuple(config["patch_size"])
        self.patch_embed = PatchEmbed(C, D, self.patch, stride=self.patch)
        self.pos_embed = PositionEmbedding(config["max_grid"], D)
        self.t_embedder = nn.Sequential(nn.Linear(config["timestep_dim"], D), nn.SiLU(), nn.Linear(D, D))
        self.adaln = nn.Linear(D, 6 * D)
        self.text_proj = nn.ModuleDict({name: TextProjection(dim, D) for name, dim in config["text_dims"].items()})
        self.layers = nn.ModuleList(DiTBlock(config) for _ in range(config["num_layers"]))
        self.norm = nn.RMSNorm(D, eps=config["norm_eps"])
        self.final_table = nn.Parameter(torch.zeros(2, D))
        self.output = nn.Linear(D, math.prod(self.patch) * self.out_channels)
        self.init_weights()

    @torch.no_grad()
    def init_weights(self):
        """DiT's practice: gates, cross-attention's outputs and the last linear start at 0, so each layer is the identity."""
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        nn.init.xavier_uniform_(self.patch_embed.weight.flatten(1))        # as the linear map that it is
        nn.init.zeros_(self.patch_embed.bias)
        for table in self.pos_embed.parameters():
            nn.init.normal_(table, std=0.02)
        for linear in (self.t_embedder[0], self.t_embedder[2]):
            nn.init.normal_(linear.weight, std=0.02)
        for layer in self.layers:
            nn.init.zeros_(layer.adaln_table)
            nn.init.zeros_(layer.cross_attention.wo.weight)
        for tensor in (self.adaln.weight, self.adaln.bias, self.final_table, self.output.weight, self.output.bias):
            nn.init.zeros_(tensor)

    def embed_text(self, text: dict[str, Tensor], mask: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Each encoder's states [B, L_e, dim] projected and concatenated. An encoder that is absent gives no tokens."""
        parts = [(self.text_proj[name](text[name]), mask[name]) for name in TEXT_ORDER if name in text]
        if not parts:
            raise ValueError("dit: text is empty; give at least one encoder's states, of length 0 where there are none")
        return torch.cat([p for p, _ in parts], dim=1), torch.cat([m for _, m in parts], dim=1)  # [B, L, D], [B, L]

    def unpatchify(self, x: Tensor, grid: tuple[int, int, int]) -> Tensor:
        """A token holds its patch in the order (1, 2, 2, C)."""
        T, H, W = grid
        x = x.unflatten(2, (*self.patch, self.out_channels)).unflatten(1, grid)  # [B, T, H, W, 1, 2, 2, C]
        x = x.permute(0, 7, 1, 4, 2, 5, 3, 6)                              # [B, C, T, 1, H, 2, W, 2]
        return x.reshape(x.shape[0], -1, T * self.patch[0], H * self.patch[1], W * self.patch[2])

    def forward(self, x: Tensor, t: Tensor, text: dict[str, Tensor], text_mask: dict[str, Tensor]) -> Tensor:
        """x [B, C, T, H, W], t [B], text {name: [B, L, dim]}, text_mask {name: bool [B, L]} -> velocity, shaped as x."""
        for axis, size, patch in zip("THW", x.shape[2:], self.patch):
            if size % patch:
                raise ValueError(f"dit: latent {axis} must be a multiple of {patch}, got {size}")
        grid = tuple(size // patch for size, patch in zip(x.shape[2:], self.patch))
        words, mask = self.embed_text(text, text_mask)                     # [B, L, D], [B, L]
        time = self.t_embedder(timestep_embedding(t, self.config["timestep_dim"]).to(x.dtype))  # [B, D]
        modulation = self.adaln(F.silu(time)).unflatten(1, (6, -1))        # [B, 6, D]
        positions = self.pos_embed(grid)                                   # [N, D]
        x = self.patch_embed(x)                                            # [B, N, D]
        for layer in self.layers:
            x = layer(x + positions, modulation, words, mask)
        shift, scale = (self.final_table + time[:, None]).unsqueeze(2).unbind(1)  # [B, 1, D] each
        x = self.output(self.norm(x) * (1 + scale) + shift)                # [B, N, 4C]
        return self.unpatchify(x, grid)                                    # [B, C, T, H, W]


def load_dit(folder: str | Path) -> DiT:
    """From a folder with `config.json` and `model.safetensors`, or its shards and their index."""
    from safetensors.torch import load_file

    folder = Path(folder)
    index = folder / "model.safetensors.index.json"
    files = sorted(set(json.loads(index.read_text())["weight_map"].values())) if index.exists() else ["model.safetensors"]
    config = json.loads((folder / "config.json").read_text())
    if config.get("conditioning"):
        from .conditioned import ConditionedDiT as kind                    # is given more than text; builds on this file
    else:
        kind = DiT
    dit = kind(config)
    dit.load_state_dict({n: w.float() for file in files for n, w in load_file(folder / file).items()})
    return dit.eval()
