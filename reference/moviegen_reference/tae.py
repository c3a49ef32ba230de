"""The temporal autoencoder (TAE): Movie Gen section 3.1.1, spec section 1.

An image autoencoder of Latent Diffusion (the public `AutoencoderKL` layout and weight names) inflated to video:
a 1D temporal convolution after each 3x3 convolution, a 1D temporal attention after each spatial attention.
Not here: tiles (`tiling.py`), losses (`losses.py`), training (`train_tae.py`).

Legend: B batch, T frames at the level at hand, C channels, H W height and width at the level at hand.
Frames are folded into the batch, `[(B T), C, H, W]`, so that everything of the image autoencoder (GroupNorm too)
treats a frame of a video exactly as it treats an image; only `.temporal` and `temporal_attentions` see T.
"""

import json
import math
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

GROUP_NORM_EPS = 1e-6
OLD_ATTENTION_NAMES = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}


def default_config(**overrides) -> dict:
    """The keys of diffusers' `AutoencoderKL`, and `temporal`: False is the plain image autoencoder."""
    config = {
        "_class_name": "TemporalAutoencoder",
        "in_channels": 3,
        "out_channels": 3,
        "latent_channels": 16,
        "block_out_channels": [128, 256, 512, 512],
        "layers_per_block": 2,
        "norm_num_groups": 32,
        "mid_block_add_attention": True,
        "use_quant_conv": False,
        "use_post_quant_conv": False,
        "scaling_factor": 1.0,
        "shift_factor": 0.0,
        "temporal": True,
    }
    return config | overrides


class TemporalConv(nn.Conv1d):
    """Kernel 3 along T at every position, symmetric replicate padding; stride 2 gives ceil(T/2) frames."""

    def __init__(self, channels: int, stride: int = 1):
        super().__init__(channels, channels, 3, stride=stride)
        self.init_as_identity()

    def init_as_identity(self):
        """Inflation: centre tap 1, bias 0, so that a video is at first a pile of images."""
        with torch.no_grad():
            self.weight.zero_()
            self.weight[:, :, 1].copy_(torch.eye(self.out_channels))
            self.bias.zero_()

    def forward(self, x: Tensor, T: int) -> Tensor:
        H, W = x.shape[-2:]
        x = x.permute(0, 2, 3, 1).reshape(-1, T, H * W, self.in_channels)  # [B, T, HW, C]
        x = torch.cat([x[:, :1], x, x[:, -1:]], dim=1)                     # [B, T+2, HW, C]
        x = x.permute(0, 3, 1, 2)                                          # [B, C, T+2, HW]
        x = F.conv2d(x, self.weight.unsqueeze(-1), self.bias, (self.stride[0], 1))
        return x.permute(0, 2, 3, 1).reshape(-1, H, W, self.out_channels).permute(0, 3, 1, 2)


class InflatedConv(nn.Conv2d):
    """A 3x3 convolution of the image autoencoder and its temporal companion, `.temporal`."""

    def __init__(self, in_channels: int, out_channels: int, inflated: bool, stride: int = 1):
        super().__init__(in_channels, out_channels, 3, stride=stride, padding=1 if stride == 1 else 0)
        if inflated:
            self.temporal = TemporalConv(out_channels, stride)

    def spatial(self, x: Tensor) -> Tensor:
        return super().forward(x)

    def forward(self, x: Tensor, T: int) -> Tensor:
        x = self.spatial(x)
        return self.temporal(x, T) if hasattr(self, "temporal") else x


class ResnetBlock(nn.Module):
    """x + conv2(SiLU(norm2(conv1(SiLU(norm1(x)))))), x through a 1x1 where widths differ."""

    def __init__(self, in_channels: int, out_channels: int, groups: int, inflated: bool):
        super().__init__()
        self.norm1 = nn.GroupNorm(groups, in_channels, eps=GROUP_NORM_EPS)
        self.conv1 = InflatedConv(in_channels, out_channels, inflated)
        self.norm2 = nn.GroupNorm(groups, out_channels, eps=GROUP_NORM_EPS)
        self.conv2 = InflatedConv(out_channels, out_channels, inflated)
        if in_channels != out_channels:
            self.conv_shortcut = nn.Conv2d(in_channels, out_channels, 1)

    def forward(self, x: Tensor, T: int) -> Tensor:
        h = self.conv1(F.silu(self.norm1(x)), T)
        h = self.conv2(F.silu(self.norm2(h)), T)
        return (self.conv_shortcut(x) if hasattr(self, "conv_shortcut") else x) + h


class Attention(nn.Module):
    """Single-head attention with its own GroupNorm and residual; over H W of a frame, or over T at a position."""

    def __init__(self, channels: int, groups: int):
        super().__init__()
        self.group_norm = nn.GroupNorm(groups, channels, eps=GROUP_NORM_EPS)
        self.to_q = nn.Linear(channels, channels)
        self.to_k = nn.Linear(channels, channels)
        self.to_v = nn.Linear(channels, channels)
        self.to_out = nn.ModuleList([nn.Linear(channels, channels)])

    def attend(self, x: Tensor) -> Tensor:                                 # [N, L, C]
        q, k, v = self.to_q(x), self.to_k(x), self.to_v(x)
        weights = torch.softmax(q @ k.transpose(1, 2) / math.sqrt(x.shape[-1]), dim=-1)
        return self.to_out[0](weights @ v)

    def forward(self, x: Tensor, T: int) -> Tensor:
        H, W = x.shape[-2:]
        h = self.group_norm(x).flatten(2).transpose(1, 2)                  # [(B T), HW, C]
        h = self.attend(h)
        return x + h.transpose(1, 2).unflatten(2, (H, W))


class TemporalAttention(Attention):
    def __init__(self, channels: int, groups: int):
        super().__init__(channels, groups)
        nn.init.zeros_(self.to_out[0].weight)
        nn.init.zeros_(self.to_out[0].bias)

    def forward(self, x: Tensor, T: int) -> Tensor:
        _, C, H, W = x.shape
        h = self.group_norm(x).reshape(-1, T, C, H, W)
        h = h.permute(0, 3, 4, 1, 2).reshape(-1, T, C)                     # [(B H W), T, C]
        h = self.attend(h).reshape(-1, H, W, T, C)
        return x + h.permute(0, 3, 4, 1, 2).reshape(-1, C, H, W)


class MidBlock(nn.Module):
    """Residual block, spatial attention, temporal attention, residual block."""

    def __init__(self, channels: int, groups: int, inflated: bool, attention: bool):
        super().__init__()
        self.resnets = nn.ModuleList([ResnetBlock(channels, channels, groups, inflated) for _ in range(2)])
        self.attentions = nn.ModuleList([Attention(channels, groups)] if attention else [])
        if inflated and attention:
            self.temporal_attentions = nn.ModuleList([TemporalAttention(channels, groups)])

    def forward(self, x: Tensor, T: int) -> Tensor:
        x = self.resnets[0](x, T)
        for attention in self.attentions:
            x = attention(x, T)
        for attention in getattr(self, "temporal_attentions", []):
            x = attention(x, T)
        return self.resnets[1](x, T)


class Downsampler(nn.Module):
    """2D convolution of stride 2 (zeros: 1 right, 1 bottom); its temporal companion has stride 2 as well."""

    def __init__(self, channels: int, inflated: bool):
        super().__init__()
        self.conv = InflatedConv(channels, channels, inflated, stride=2)

    def forward(self, x: Tensor, T: int) -> Tensor:
        return self.conv(F.pad(x, (0, 1, 0, 1)), T)


class Upsampler(nn.Module):
    """Nearest x2 in space, 2D convolution, nearest x2 in time, temporal convolution."""

    def __init__(self, channels: int, inflated: bool):
        super().__init__()
        self.conv = InflatedConv(channels, channels, inflated)

    def forward(self, x: Tensor, T: int) -> Tensor:
        x = self.conv.spatial(F.interpolate(x, scale_factor=2.0, mode="nearest"))
        if not hasattr(self.conv, "temporal"):
            return x
        return self.conv.temporal(x.repeat_interleave(2, dim=0), 2 * T)    # (B T) doubled is T doubled


class Level(nn.Module):
    """Residual blocks at one resolution, then a step down or up where there is another level."""

    def __init__(self, in_channels: int, out_channels: int, layers: int, groups: int, inflated: bool, step: str):
        super().__init__()
        widths = [in_channels] + [out_channels] * layers
        self.resnets = nn.ModuleList([ResnetBlock(a, b, groups, inflated) for a, b in zip(widths, widths[1:])])
        if step == "down":
            self.downsamplers = nn.ModuleList([Downsampler(out_channels, inflated)])
        if step == "up":
            self.upsamplers = nn.ModuleList([Upsampler(out_channels, inflated)])

    def forward(self, x: Tensor, T: int) -> tuple[Tensor, int]:
        for resnet in self.resnets:
            x = resnet(x, T)
        inflated = hasattr(self.resnets[0].conv1, "temporal")
        if hasattr(self, "downsamplers"):
            x, T = self.downsamplers[0](x, T), (T + 1) // 2 if inflated else T
        if hasattr(self, "upsamplers"):
            x, T = self.upsamplers[0](x, T), 2 * T if inflated else T
        return x, T


class Encoder(nn.Module):
    def __init__(self, config: dict):
        super().__init__()
        widths, groups, inflated = config["block_out_channels"], config["norm_num_groups"], config["temporal"]
        last = len(widths) - 1
        self.conv_in = InflatedConv(config["in_channels"], widths[0], inflated)
        self.down_blocks = nn.ModuleList(
            Level(widths[max(i - 1, 0)], width, config["layers_per_block"], groups, inflated, "down" if i < last else "")
            for i, width in enumerate(widths)
        )
        self.mid_block = MidBlock(widths[-1], groups, inflated, config["mid_block_add_attention"])
        self.conv_norm_out = nn.GroupNorm(groups, widths[-1], eps=GROUP_NORM_EPS)
        self.conv_out = InflatedConv(widths[-1], 2 * config["latent_channels"], inflated)

    def forward(self, x: Tensor, T: int) -> tuple[Tensor, int]:
        x = self.conv_in(x, T)
        for level in self.down_blocks:
            x, T = level(x, T)
        x = self.mid_block(x, T)
        return self.conv_out(F.silu(self.conv_norm_out(x)), T), T


class Decoder(nn.Module):
    def __init__(self, config: dict):
        super().__init__()
        widths, groups, inflated = config["block_out_channels"][::-1], config["norm_num_groups"], config["temporal"]
        last, layers = len(widths) - 1, config["layers_per_block"] + 1
        self.conv_in = InflatedConv(config["latent_channels"], widths[0], inflated)
        self.mid_block = MidBlock(widths[0], groups, inflated, config["mid_block_add_attention"])
        self.up_blocks = nn.ModuleList(
            Level(widths[max(i - 1, 0)], width, layers, groups, inflated, "up" if i < last else "")
            for i, width in enumerate(widths)
        )
        self.conv_norm_out = nn.GroupNorm(groups, widths[-1], eps=GROUP_NORM_EPS)
        self.conv_out = InflatedConv(widths[-1], config["out_channels"], inflated)

    def forward(self, x: Tensor, T: int) -> tuple[Tensor, int]:
        x = self.mid_block(self.conv_in(x, T), T)
        for level in self.up_blocks:
            x, T = level(x, T)
        return self.conv_out(F.silu(self.conv_norm_out(x)), T), T


class TAE(nn.Module):
    """Video `[B, 3, T', H', W']` in [-1, 1] to latent `[B, 16, T, H, W]`, T = ceil(T'/8), H = H'/8, W = W'/8; and back."""

    def __init__(self, config: dict):
        super().__init__()
        self.config = default_config() | config
        C = self.config["latent_channels"]
        self.encoder = Encoder(self.config)
        self.decoder = Decoder(self.config)
        if self.config["use_quant_conv"]:
            self.quant_conv = nn.Conv2d(2 * C, 2 * C, 1)
        if self.config["use_post_quant_conv"]:
            self.post_quant_conv = nn.Conv2d(C, C, 1)

    @property
    def factor(self) -> int:
        """Compression in space, and in time where the TAE is inflated."""
        return 2 ** (len(self.config["block_out_channels"]) - 1)

    def encode(self, video: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of the latent, before shift and scale."""
        B, _, T, H, W = video.shape
        if H % self.factor or W % self.factor:
            raise ValueError(f"tae.encode: height and width must be multiples of {self.factor}, got {H} x {W}")
        x = fold(video).to(memory_format=torch.channels_last)              # [(B T'), 3, H', W']
        x, T = self.encoder(x, T)
        if hasattr(self, "quant_conv"):
            x = self.quant_conv(x)
        mean, logvar = unfold(x, T).chunk(2, dim=1)                        # [B, 16, T, H, W] each
        return mean, logvar.clamp(-30.0, 20.0)

    def decode(self, z: Tensor, num_frames: int | None = None) -> Tensor:
        """z before shift and scale. The decoder gives 8T frames; the spurious ones after `num_frames` are dropped."""
        T = z.shape[2]
        whole = T * (self.factor if self.config["temporal"] else 1)
        num_frames = whole if num_frames is None else num_frames
        if not whole - self.factor < num_frames <= whole:
            raise ValueError(f"tae.decode: num_frames {num_frames} does not fit {T} latent frames")
        x = fold(z).to(memory_format=torch.channels_last)                  # [(B T), 16, H, W]
        if hasattr(self, "post_quant_conv"):
            x = self.post_quant_conv(x)
        x, T = self.decoder(x, T)
        return unfold(x, T)[:, :, :num_frames]                             # [B, 3, T', H', W']

    def to_model_space(self, z: Tensor) -> Tensor:
        """(z - shift) * scale: what the DiT sees."""
        return (z - (self.config["shift_factor"] or 0.0)) * self.config["scaling_factor"]

    def from_model_space(self, z: Tensor) -> Tensor:
        return z / self.config["scaling_factor"] + (self.config["shift_factor"] or 0.0)


def fold(x: Tensor) -> Tensor:
    return x.transpose(1, 2).flatten(0, 1)                                 # [B, C, T, H, W] -> [(B T), C, H, W]


def unfold(x: Tensor, T: int) -> Tensor:
    return x.reshape(-1, T, *x.shape[1:]).transpose(1, 2)                  # [(B T), C, H, W] -> [B, C, T, H, W]


def load_state(tae: TAE, state: dict[str, Tensor]) -> TAE:
    """Weights by name. Old attention names load; a file without temporal weights loads as an inflated image autoencoder."""
    renamed = {}
    for name, tensor in state.items():
        for old, new in OLD_ATTENTION_NAMES.items():
            name = name.replace(f"attentions.0.{old}.", f"attentions.0.{new}.")
        renamed[name] = tensor.squeeze() if "attentions.0.to_" in name and tensor.ndim > 2 else tensor
    own = tae.state_dict()
    if not any("temporal" in name for name in renamed):
        inflate_(tae)
        renamed = {n: t for n, t in tae.state_dict().items() if "temporal" in n} | renamed
    problems = [f"missing {n}" for n in own if n not in renamed] + [f"extra {n}" for n in renamed if n not in own]
    problems += [
        f"{n}: shape {list(t.shape)}, expected {list(own[n].shape)}"
        for n, t in renamed.items() if n in own and t.shape != own[n].shape
    ]
    if problems:
        raise ValueError("tae: weights do not fit the config:\n  " + "\n  ".join(problems))
    tae.load_state_dict(renamed)
    return tae


@torch.no_grad()
def inflate_(tae: TAE) -> TAE:
    """Temporal convolutions become identities, temporal attention's output projections 0."""
    for module in tae.modules():
        if isinstance(module, TemporalConv):
            module.init_as_identity()
        if isinstance(module, TemporalAttention):
            module.to_out[0].weight.zero_()
            module.to_out[0].bias.zero_()
    return tae


def load_tae(folder: str | Path) -> TAE:
    """From a folder with `config.json` and `model.safetensors`, or the name that diffusers gives it."""
    from safetensors.torch import load_file

    folder = Path(folder)
    tae = TAE(json.loads((folder / "config.json").read_text()))
    file = next(f for f in (folder / "model.safetensors", folder / "diffusion_pytorch_model.safetensors") if f.exists())
    return load_state(tae, {n: t.float() for n, t in load_file(file).items()}).eval()
