"""Variants of the backbone: positions before the first layer only, and LayerNorm and GELU instead of RMSNorm and SwiGLU.

`moviegen_reference/dit.py` is the model; here is only what differs.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from moviegen_reference.dit import DiT, timestep_embedding


class FirstLayerPositions(DiT):
    """The same tables, added once: `DiT.forward` but for one line."""

    def forward(self, x: Tensor, t: Tensor, text: dict[str, Tensor], text_mask: dict[str, Tensor]) -> Tensor:
        grid = tuple(size // patch for size, patch in zip(x.shape[2:], self.patch))
        words, mask = self.embed_text(text, text_mask)                     # [B, L, D], [B, L]
        time = self.t_embedder(timestep_embedding(t, self.config["timestep_dim"]).to(x.dtype))  # [B, D]
        modulation = self.adaln(F.silu(time)).unflatten(1, (6, -1))        # [B, 6, D]
        x = self.patch_embed(x) + self.pos_embed(grid)                     # [B, N, D]
        for layer in self.layers:
            x = layer(x, modulation, words, mask)
        shift, scale = (self.final_table + time[:, None]).unsqueeze(2).unbind(1)  # [B, 1, D] each
        return self.unpatchify(self.output(self.norm(x) * (1 + scale) + shift), grid)


class GELUFeedForward(nn.Module):
    """w2 gelu(w1 x), with biases, as in the Diffusion Transformer."""

    def __init__(self, D: int, hidden: int):
        super().__init__()
        self.w1, self.w2 = nn.Linear(D, hidden), nn.Linear(hidden, D)

    def forward(self, x: Tensor) -> Tensor:
        return self.w2(F.gelu(self.w1(x), approximate="tanh"))


class LayerNormGELU(DiT):
    """As many parameters: the hidden width is the whole number that comes nearest."""

    def __init__(self, config: dict):
        super().__init__(config)
        D, layers, eps = self.config["hidden_size"], len(self.layers), self.config["norm_eps"]
        norms = (3 * layers + 1) * D                                       # LayerNorm's biases
        hidden = round((3 * layers * D * self.config["ffn_hidden_size"] - norms - layers * D) / (layers * (2 * D + 1)))
        for layer in self.layers:
            for name in ("attention_norm", "cross_attention_norm", "ffn_norm"):
                setattr(layer, name, nn.LayerNorm(D, eps=eps))
            layer.feed_forward = GELUFeedForward(D, hidden)
        self.norm = nn.LayerNorm(D, eps=eps)
        self.init_weights()


VARIANTS = {"base": DiT, "first-positions": FirstLayerPositions, "layernorm-gelu": LayerNormGELU}


def parameters(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())
