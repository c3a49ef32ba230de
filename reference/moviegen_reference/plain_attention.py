"""Attention written out, for training on a CPU: there PyTorch's fused kernel takes long for the backward pass of a few dozen
tokens."""

import torch
import torch.nn.functional as F


def plain_attention(q, k, v, attn_mask=None, scale=None, is_causal=False, **_):
    """What `F.scaled_dot_product_attention` computes."""
    scores = (q @ k.mT).float() * (scale if scale is not None else q.shape[-1] ** -0.5)
    if is_causal:
        L = scores.shape[-1]
        scores = scores.masked_fill(~torch.ones(L, L, dtype=torch.bool, device=q.device).tril(), float("-inf"))
    if attn_mask is not None:
        scores = scores.masked_fill(~attn_mask, float("-inf")) if attn_mask.dtype == torch.bool else scores + attn_mask
    return torch.softmax(scores, dim=-1).to(v.dtype) @ v


def use_plain_attention():
    """From now on, wherever a model asks for `F.scaled_dot_product_attention`."""
    F.scaled_dot_product_attention = plain_attention
