"""CLIP's image tower, under `transformers`' names, and the preparation of pictures: what a DiT reads of a reference picture.
Spec section 9.

The tokens of a picture are all N + 1 of the last layer, after `post_layernorm`. Not here: the projection to the DiT's width
(`dit.py`), the same as each text encoder's.

Legend: B pictures, S pixels of a side, P of a patch, D tower width, N = (S / P)^2 patches.
"""

import json
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
ACTIVATIONS = {"quick_gelu": lambda x: x * torch.sigmoid(1.702 * x), "gelu": F.gelu}


def default_config(**overrides) -> dict:
    """The keys of a tower's `config.json`; the values are those of B/32."""
    config = {
        "architectures": ["CLIPVisionModel"],
        "model_type": "clip_vision_model",
        "hidden_size": 768,
        "num_hidden_layers": 12,
        "num_attention_heads": 12,
        "intermediate_size": 3072,
        "patch_size": 32,
        "image_size": 224,
        "layer_norm_eps": 1e-5,
        "hidden_act": "quick_gelu",
    }
    return config | overrides


class Embeddings(nn.Module):
    def __init__(self, config: dict):
        super().__init__()
        D, P = config["hidden_size"], config["patch_size"]
        self.class_embedding = nn.Parameter(torch.empty(D))
        self.patch_embedding = nn.Conv2d(3, D, P, stride=P, bias=False)
        self.position_embedding = nn.Embedding(1 + (config["image_size"] // P) ** 2, D)

    def forward(self, pixels: Tensor) -> Tensor:                           # [B, 3, S, S]
        patches = self.patch_embedding(pixels).flatten(2).transpose(1, 2)  # [B, N, D]
        first = self.class_embedding.expand(len(pixels), 1, -1)
        return torch.cat([first, patches], dim=1) + self.position_embedding.weight  # [B, 1 + N, D]


class Attention(nn.Module):
    def __init__(self, config: dict):
        super().__init__()
        D, self.heads = config["hidden_size"], config["num_attention_heads"]
        self.q_proj, self.k_proj, self.v_proj, self.out_proj = (nn.Linear(D, D) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (
            proj(x).unflatten(-1, (self.heads, -1)).transpose(1, 2) for proj in (self.q_proj, self.k_proj, self.v_proj)
        )
        return self.out_proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


class MLP(nn.Module):
    def __init__(self, config: dict):
        super().__init__()
        self.act = ACTIVATIONS[config["hidden_act"]]
        self.fc1 = nn.Linear(config["hidden_size"], config["intermediate_size"])
        self.fc2 = nn.Linear(config["intermediate_size"], config["hidden_size"])

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(self.act(self.fc1(x)))


class Layer(nn.Module):
    def __init__(self, config: dict):
        super().__init__()
        D, eps = config["hidden_size"], config["layer_norm_eps"]
        self.layer_norm1, self.self_attn = nn.LayerNorm(D, eps=eps), Attention(config)
        self.layer_norm2, self.mlp = nn.LayerNorm(D, eps=eps), MLP(config)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.self_attn(self.layer_norm1(x))
        return x + self.mlp(self.layer_norm2(x))


class Encoder(nn.Module):
    def __init__(self, config: dict):
        super().__init__()
        self.layers = nn.ModuleList(Layer(config) for _ in range(config["num_hidden_layers"]))

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x)
        return x


class Tower(nn.Module):
    def __init__(self, config: dict):
        super().__init__()
        D, eps = config["hidden_size"], config["layer_norm_eps"]
        self.embeddings = Embeddings(config)
        self.pre_layrnorm = nn.LayerNorm(D, eps=eps)                       # so spelt
        self.encoder = Encoder(config)
        self.post_layernorm = nn.LayerNorm(D, eps=eps)

    def forward(self, pixels: Tensor) -> Tensor:
        return self.encoder(self.pre_layrnorm(self.embeddings(pixels)))    # [B, 1 + N, D], not normed


class Vision(nn.Module):
    """A picture's tokens. The weights are those of `CLIPVisionModel`: `vision_model.*`."""

    def __init__(self, config: dict):
        super().__init__()
        self.config = default_config() | config
        self.vision_model = Tower(self.config)
        self.init_weights()

    @property
    def dim(self) -> int:
        return self.config["hidden_size"]

    @torch.no_grad()
    def init_weights(self):
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)
        embeddings = self.vision_model.embeddings
        nn.init.normal_(embeddings.class_embedding, std=0.02)
        nn.init.normal_(embeddings.position_embedding.weight, std=0.02)
        nn.init.xavier_uniform_(embeddings.patch_embedding.weight.flatten(1))

    def forward(self, pixels: Tensor) -> Tensor:
        """Pixels `[B, 3, S, S]` by `prepare` -> tokens `[B, 1 + N, D]`."""
        return self.vision_model.post_layernorm(self.vision_model(pixels))

    def prepare(self, pictures: list) -> Tensor:
        """u8 pictures `[H, W, 3]`, of any size each: shortest edge to S, bicubic with antialiasing, the centre, normed."""
        return torch.stack([prepared(picture, self.config["image_size"]) for picture in pictures])

    def states(self, pictures: list, dtype=torch.float32) -> tuple[Tensor, Tensor]:
        """What the DiT reads: states `[B, 1 + N, D]` and their mask; None stands for no picture, which has no tokens."""
        device = self.vision_model.embeddings.class_embedding.device
        count = self.vision_model.embeddings.position_embedding.num_embeddings
        there = torch.tensor([picture is not None for picture in pictures], device=device)
        states = torch.zeros(len(pictures), count, self.dim, dtype=dtype, device=device)
        if there.any():
            pixels = self.prepare([picture for picture in pictures if picture is not None]).to(device)
            weight = self.vision_model.embeddings.class_embedding.dtype
            states = states.index_put((there.nonzero()[:, 0],), self(pixels.to(weight)).to(dtype))
        return states, there[:, None].expand(-1, count)

    def save(self, folder: str | Path, half: bool = True):
        """`config.json`, `preprocessor_config.json` and `model.safetensors`, as `transformers` writes them."""
        from safetensors.torch import save_file

        folder, S = Path(folder), self.config["image_size"]
        folder.mkdir(parents=True, exist_ok=True)
        processor = {
            "image_processor_type": "CLIPImageProcessor", "do_convert_rgb": True, "do_resize": True,
            "size": {"shortest_edge": S}, "resample": 3, "do_center_crop": True, "crop_size": {"height": S, "width": S},
            "do_rescale": True, "rescale_factor": 1 / 255, "do_normalize": True, "image_mean": list(MEAN), "image_std": list(STD),
        }
        (folder / "config.json").write_text(json.dumps(self.config, indent=2) + "\n")
        (folder / "preprocessor_config.json").write_text(json.dumps(processor, indent=2) + "\n")
        state = {n: (w.half() if half else w).contiguous() for n, w in self.state_dict().items()}
        save_file(state, folder / "model.safetensors", {"format": "pt"})


def prepared(picture, S: int) -> Tensor:
    """One picture, `[3, S, S]`; as `CLIPImageProcessor`, whose long edge is rounded down."""
    image = Image.fromarray(np.asarray(picture))
    W, H = image.size
    size = (S, int(S * H / W)) if W <= H else (int(S * W / H), S)
    image = image.resize(size, Image.Resampling.BICUBIC)
    left, top = (size[0] - S) // 2, (size[1] - S) // 2
    x = torch.from_numpy(np.asarray(image.crop((left, top, left + S, top + S)), dtype=np.float32) / 255)
    return ((x - torch.tensor(MEAN)) / torch.tensor(STD)).permute(2, 0, 1)


def load_vision(folder: str | Path) -> Vision:
    """From `config.json` and `model.safetensors` of any CLIP that has an image tower; what else it has is left out."""
    from safetensors.torch import load_file

    folder = Path(folder)
    config = json.loads((folder / "config.json").read_text())
    vision = Vision(config.get("vision_config", config))
    state = {n: w.float() for n, w in load_file(folder / "model.safetensors").items()}
    if not any(name.startswith("vision_model.") for name in state):        # as newer releases write the tower alone
        state = {f"vision_model.{name}": w for name, w in state.items()}
    vision.load_state_dict({n: state[n] for n in vision.state_dict()})
    return vision.eval()
