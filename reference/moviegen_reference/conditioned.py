"""The DiT that is given more than text: latents beside the noise, a task, and a reference picture, whose states
(`vision.py`) it reads after those of the text: `text["vision"]`, `text_mask["vision"]`. Spec sections 8 to 10.

Legend: B batch, C latent channels, T H W the latent, D model width, E = D width of a task's vector, L text tokens.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .dit import DiT, timestep_embedding

CHANNELS = {"video": lambda C: 2 * C, "masked": lambda C: 2 * C + 1}
TOKENS = 4


class ConditionedDiT(DiT):
    """`config` has `conditioning`, `in_channels` to match it, `out_channels` = C, and `tasks` where there are any."""

    def __init__(self, config: dict):
        super().__init__(config)
        D, tasks = self.config["hidden_size"], self.config.get("tasks") or []
        C = self.out_channels
        if self.config["in_channels"] != CHANNELS[self.config["conditioning"]](C):
            raise ValueError(f"dit: conditioning {self.config['conditioning']} of {C} channels, got in_channels {self.config['in_channels']}")
        if tasks:
            self.task_embed = nn.Embedding(len(tasks) + 1, D)      # the last row: a task that is not named
            self.task_tokens = nn.Linear(D, TOKENS * D)
            self.task_time = nn.Linear(D, D)
            nn.init.normal_(self.task_embed.weight, std=0.02)
            for linear in (self.task_tokens, self.task_time):
                nn.init.zeros_(linear.weight)
                nn.init.zeros_(linear.bias)

    def forward(self, x: Tensor, t: Tensor, text: dict, text_mask: dict, given: Tensor | None = None,
                tasks: list[int | None] | None = None) -> Tensor:
        """`given` [B, in_channels - C, T, H, W]: mask and latents, or latents; zeros where left out. `tasks`: rows of
        `task_embed`; None leaves a sample without task tokens."""
        given = x.new_zeros(len(x), self.config["in_channels"] - self.out_channels, *x.shape[2:]) if given is None else given
        grid = tuple(size // patch for size, patch in zip(x.shape[2:], self.patch))
        if self.text_proj:
            words, mask = self.embed_text(text, text_mask)                 # [B, L, D], [B, L]
        else:                                                              # an upsampler may read no text
            words, mask = x.new_zeros(len(x), 0, self.config["hidden_size"]), x.new_zeros(len(x), 0).bool()
        time = self.t_embedder(timestep_embedding(t, self.config["timestep_dim"]).to(x.dtype))  # [B, D]
        if tasks is not None and any(task is not None for task in tasks):
            there = torch.tensor([task is not None for task in tasks], device=x.device)
            vectors = self.task_embed(torch.tensor([task or 0 for task in tasks], device=x.device))  # [B, E]
            tokens = self.task_tokens(vectors).unflatten(1, (TOKENS, -1))  # [B, 4, D]
            words = torch.cat([words, tokens.to(words.dtype)], dim=1)
            mask = torch.cat([mask, there[:, None].expand(-1, TOKENS)], dim=1)
            time = time + self.task_time(vectors) * there[:, None]
        modulation = self.adaln(F.silu(time)).unflatten(1, (6, -1))        # [B, 6, D]
        positions = self.pos_embed(grid)                                   # [N, D]
        x = self.patch_embed(torch.cat([x, given.to(x.dtype)], dim=1))     # [B, N, D]
        for layer in self.layers:
            x = layer(x + positions, modulation, words, mask)
        shift, scale = (self.final_table + time[:, None]).unsqueeze(2).unbind(1)
        return self.unpatchify(self.output(self.norm(x) * (1 + scale) + shift), grid)


@torch.no_grad()
def widened(dit: DiT, conditioning: str | None = None, tasks=(), vision: int | None = None) -> DiT:
    """A model that can be given more: new channels are zero, so that at first nothing changes.

    `conditioning`: None keeps the model's own. `vision`: the width of the image tower whose states it shall read as well; where
    a sample has no picture, its mask is empty and nothing changes. Its LayerNorm starts as a text encoder's, so that a picture's
    tokens have the size of words.
    """
    config, state = dict(dit.config), dict(dit.state_dict())
    if conditioning is not None and conditioning != config.get("conditioning"):
        if config.get("conditioning"):
            raise ValueError(f"dit: this model has conditioning {config['conditioning']} already, got {conditioning}")
        C = dit.out_channels
        config |= {"conditioning": conditioning, "in_channels": CHANNELS[conditioning](C), "out_channels": C}
        old = state["patch_embed.weight"]                                  # [D, C, 1, 2, 2]
        zeros = old.new_zeros(old.shape[0], config["in_channels"] - old.shape[1], *old.shape[2:])
        state["patch_embed.weight"] = torch.cat([old, zeros], dim=1)
    if tasks:
        config["tasks"] = list(tasks)
    if vision is not None:
        config["text_dims"] = config["text_dims"] | {"vision": vision}
    wide = (ConditionedDiT if config.get("conditioning") else DiT)(config)
    if vision is not None and "text_proj.vision.norm.weight" not in state:
        for name in ("weight", "bias"):
            usual = [state[key] for key in (f"text_proj.{e}.norm.{name}" for e in dit.config["text_dims"]) if key in state]
            if usual:
                getattr(wide.text_proj["vision"].norm, name).copy_(usual[0])
    wide.load_state_dict(state, strict=False)
    return wide
