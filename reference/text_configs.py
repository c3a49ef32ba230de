"""What transformers reads out of configs that say a thing twice or leave it out, and the states of a CLIP text tower that
image models read. Writes packages/text/test/transformers.json. The tower's weights are a formula: the test has it too."""

import json
from pathlib import Path

import torch
from transformers import CLIPConfig, CLIPTextConfig, CLIPTextModelWithProjection, MT5Config, T5Config

T5_SIZES = {"vocab_size": 32, "d_model": 8, "num_layers": 1, "num_heads": 2, "d_kv": 4, "d_ff": 16}
T5_CASES = [
    {"model_type": "t5"},
    {"model_type": "mt5"},
    {"model_type": "t5", "feed_forward_proj": "gated-gelu"},
    {"model_type": "t5", "feed_forward_proj": "gated-silu"},
    {"model_type": "t5", "feed_forward_proj": "gelu"},
    {"model_type": "t5", "feed_forward_proj": "gated-gelu", "dense_act_fn": "gelu", "is_gated_act": True},
    {"model_type": "t5", "feed_forward_proj": "relu", "dense_act_fn": "gelu_new"},
    {"model_type": "t5", "feed_forward_proj": "gated-gelu", "is_gated_act": False},
    {"model_type": "mt5", "dense_act_fn": "silu"},
    {"model_type": "t5", "dense_act_fn": "gelu_pytorch_tanh", "is_gated_act": True},
]
CLIP_SIZES = {"vocab_size": 24, "hidden_size": 8, "intermediate_size": 12, "num_hidden_layers": 3}
CLIP_SIZES |= {"num_attention_heads": 2, "max_position_embeddings": 7, "pad_token_id": 0}
CLIP_CASES = [
    {"text_config": CLIP_SIZES},
    {"text_config": CLIP_SIZES, "text_config_dict": None},
    {"text_config": CLIP_SIZES, "text_config_dict": {"hidden_size": 16, "num_attention_heads": 4}},
    {"text_config": CLIP_SIZES | {"hidden_act": "gelu"}, "text_config_dict": CLIP_SIZES | {"layer_norm_eps": 1e-3}},
    {"text_config_dict": CLIP_SIZES | {"hidden_act": "gelu", "eos_token_id": 23}},
]
CLIP_KEYS = [*CLIP_SIZES, "hidden_act", "layer_norm_eps", "eos_token_id"]
IDS = [[1, 5, 23, 0, 0], [1, 9, 5, 12, 23]]


def read_t5(config: dict) -> dict:
    kind = MT5Config if config["model_type"] == "mt5" else T5Config
    read = kind.from_dict(T5_SIZES | config)
    return {"config": T5_SIZES | config, "dense_act_fn": read.dense_act_fn, "is_gated_act": read.is_gated_act}


def read_clip(config: dict) -> dict:
    given = {"model_type": "clip"} | json.loads(json.dumps(config))
    read = CLIPConfig.from_dict(json.loads(json.dumps(given))).text_config
    return {"config": given, "text": {key: getattr(read, key) for key in CLIP_KEYS}}


@torch.no_grad()
def states(eos_token_id: int) -> dict:
    config = CLIP_SIZES | {"model_type": "clip_text_model", "eos_token_id": eos_token_id, "projection_dim": 6}
    model = CLIPTextModelWithProjection._from_config(CLIPTextConfig(**config), attn_implementation="eager").eval()
    for name, p in model.named_parameters():
        at = torch.arange(p.numel(), dtype=torch.float64).reshape(p.shape)
        p.copy_(torch.sin(0.7 * at + len(name)) * 0.5)
    result = model(input_ids=torch.tensor(IDS), output_hidden_states=True)
    pooled = model.text_model(input_ids=torch.tensor(IDS)).pooler_output
    named = {"penultimate": result.hidden_states[-2], "pooled": pooled, "projected": result.text_embeds}
    named |= {"states": result.last_hidden_state}
    return {"config": config, "ids": IDS} | {key: [round(x, 6) for x in v.flatten().tolist()] for key, v in named.items()}


if __name__ == "__main__":
    made = {"t5": [read_t5(case) for case in T5_CASES], "clip": [read_clip(case) for case in CLIP_CASES]}
    made["states"] = [states(5), states(2)]
    target = Path(__file__).parent.parent / "packages/text/test/transformers.json"
    target.write_text(json.dumps(made) + "\n")
