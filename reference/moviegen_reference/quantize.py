"""Quantised weights, `q8` and `q4`: the definition, and a slow encoder and decoder of it.

A weight [out, in], `in` a multiple of 32, is cut along `in` into blocks of 32 numbers that share a scale s, an IEEE half:
    q8   w = s c,         c = -127 .. 127
    q4   w = s (c - 8),   c = 0 .. 15

Encoding a block of f32 numbers, all arithmetic in f32:
    q8   s = half(max|w| / 127)
    q4   s = half(m / -8), m the number of largest magnitude; of a and -a the negative one
    c = w / s rounded to nearest, ties to even, clamped to the range; where s = 0 (stored as +0) every number is 0

In a safetensors file the weight NAME is two tensors:
    NAME.q8     I8  [out, in]        or   NAME.q4   U8 [out, in / 2], the code of the even place in the low four bits
    NAME.scale  F16 [out, in / 32]
and the metadata `moviegen.quantization` says `q8` or `q4`.
"""

import torch
from torch import Tensor

BLOCK = 32


def encode(weight: Tensor, format: str) -> tuple[Tensor, Tensor]:
    """Codes as they stand in a file, and scales."""
    out, width = weight.shape
    blocks = weight.float().reshape(out, width // BLOCK, BLOCK)
    high, low = blocks.amax(2).clamp(min=0), blocks.amin(2).clamp(max=0)
    if format == "q8":
        scale = (torch.maximum(high, -low) / 127).half()
    else:
        scale = (torch.where(high > -low, high, low) / -8).half()
    scale = torch.where(scale == 0, torch.zeros_like(scale), scale)
    s = scale.float()[..., None]
    ratio = torch.where(s == 0, torch.zeros_like(blocks), blocks / torch.where(s == 0, torch.ones_like(s), s))
    if format == "q8":
        return ratio.round().clamp(-127, 127).to(torch.int8).reshape(out, width), scale
    codes = (ratio.round().clamp(-8, 7) + 8).to(torch.uint8).reshape(out, width)
    return codes[:, 0::2] | codes[:, 1::2] << 4, scale


def decode(codes: Tensor, scale: Tensor) -> Tensor:
    """The weight that a file's two tensors stand for, f32. The codes' type says the format: int8 q8, uint8 q4."""
    out = codes.shape[0]
    if codes.dtype == torch.int8:
        numbers = codes.float()
    else:
        numbers = torch.stack([codes & 15, codes >> 4], dim=2).reshape(out, -1).float() - 8
    return (numbers.reshape(out, -1, BLOCK) * scale.float()[..., None]).reshape(out, -1)


def decode_file(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """All tensors of a file, the quantised ones decoded, under their plain names."""
    plain = {}
    for name, tensor in tensors.items():
        base, _, kind = name.rpartition(".")
        if kind in ("q8", "q4") and f"{base}.scale" in tensors:
            plain[base] = decode(tensor, tensors[f"{base}.scale"])
        elif not (kind == "scale" and (f"{base}.q8" in tensors or f"{base}.q4" in tensors)):
            plain[name] = tensor
    return plain
