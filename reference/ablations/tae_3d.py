"""The TAE with full 3D convolutions and attention instead of 2D followed by 1D ones: the comparison of Movie Gen's table of
2.5D and 3D. Everything else (levels, widths, norms, strides, what is dropped at the end) is `moviegen_reference/tae.py`'s.

Legend: as there. Frames stay folded into the batch, `[(B T), C, H, W]`.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from moviegen_reference.tae import TAE, Attention, InflatedConv, Upsampler, fold, unfold


class Conv3D(nn.Conv3d):
    """3 x 3 x 3, zeros around the frame and the first and last frame repeated: T as a temporal convolution gives it."""

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1):
        super().__init__(in_channels, out_channels, 3, stride=stride, padding=(0, 1, 1) if stride == 1 else 0)

    @property
    def temporal(self) -> bool:
        """What tells `Level` that its convolutions change T."""
        return True

    def forward(self, x: Tensor, T: int) -> Tensor:
        x = unfold(x, T)
        x = torch.cat([x[:, :, :1], x, x[:, :, -1:]], dim=2)               # [B, C, T+2, H, W]
        return fold(super().forward(x))


class Upsampler3D(nn.Module):
    """Nearest x2 in space and time, then one 3D convolution."""

    def __init__(self, channels: int):
        super().__init__()
        self.conv = Conv3D(channels, channels)

    def forward(self, x: Tensor, T: int) -> Tensor:
        x = F.interpolate(x, scale_factor=2.0, mode="nearest").repeat_interleave(2, dim=0)
        return self.conv(x, 2 * T)


class Attention3D(Attention):
    """Over all positions of all frames."""

    def forward(self, x: Tensor, T: int) -> Tensor:
        _, C, H, W = x.shape
        h = self.group_norm(x).reshape(-1, T, C, H * W).transpose(2, 3).flatten(1, 2)             # [B, T H W, C]
        h = self.attend(h).unflatten(1, (T, H * W)).transpose(2, 3)                               # [B, T, C, H W]
        return x + h.reshape(-1, C, H, W)


class TAE3D(TAE):
    """From the image autoencoder's weights `image` (the centre tap is the 2D kernel), or new ones."""

    def __init__(self, config: dict, image: dict[str, Tensor] | None = None):
        super().__init__(config | {"temporal": True})
        for name, module in list(self.named_modules()):
            parent, _, last = name.rpartition(".")
            parent = self.get_submodule(parent)
            if isinstance(module, Upsampler):
                channels = module.conv.out_channels
                parent[int(last)] = Upsampler3D(channels)
            elif isinstance(module, InflatedConv) and not isinstance(parent, Upsampler3D):
                setattr(parent, last, Conv3D(module.in_channels, module.out_channels, module.stride[0]))
        for block in (self.encoder.mid_block, self.decoder.mid_block):
            block.attentions = nn.ModuleList(to_3d(a) for a in block.attentions)
            if hasattr(block, "temporal_attentions"):
                del block.temporal_attentions
        if image is not None:
            self.load_image_(image)

    @torch.no_grad()
    def load_image_(self, image: dict[str, Tensor]):
        """On a single frame a new TAE3D then gives what the image autoencoder gives: three equal frames meet centre taps."""
        own = self.state_dict()
        if own.keys() != image.keys():
            raise ValueError(f"tae 3d: the image autoencoder's weights differ by {sorted(own.keys() ^ image.keys())}")
        for name, w in own.items():
            if w.ndim == 5 and image[name].ndim == 4:
                w.zero_()
                w[:, :, 1].copy_(image[name])
            else:
                w.copy_(image[name])


def to_3d(attention: Attention) -> Attention3D:
    C = attention.to_q.in_features
    other = Attention3D(C, attention.group_norm.num_groups)
    other.load_state_dict(attention.state_dict())
    return other
