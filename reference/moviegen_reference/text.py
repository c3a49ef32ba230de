"""The three text encoders of the prompt, and their tokenizers: Movie Gen section 3.1.4, spec section 4.

The encoders are `transformers`' own (T5EncoderModel, CLIPTextModel), so that their files are in the public layout.
Not here: the projections to the DiT's width (`dit.py`).

Legend: B prompts, L tokens of the longest of them, dim the encoder's width.
"""

import json
import math
import random
import re
from collections import Counter
from pathlib import Path

import torch
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel, T5Config, T5EncoderModel

from . import world

MAX_LENGTH = {"ul2": 512, "metaclip": 256, "byt5": 100}
BYTE_OFFSET, BYTE_END, PAD = 3, 1, 0
END_OF_WORD = "</w>"
QUOTED = re.compile(r'"([^"]*)"|“([^”]*)”')


# Tokenizers of the shapes world: as UL2's and CLIP's, with small vocabularies.


def captions(count: int = 30000, seed: int = 1) -> list[str]:
    rng = random.Random(seed)
    return [f"FPS-{world.FPS}. {world.caption(world.random_facts(rng), rng)}" for _ in range(count)]


def make_ul2_tokenizer(texts: list[str] | None = None) -> Tokenizer:
    """Unigram over words marked by their leading space, as SentencePiece; `</s>` ends a text, pad is 0.

    The pieces are the captions' words at their log-frequency and, far below, single characters: EM over so few words
    would cut them into letters."""
    counts = Counter(w.strip(".,") for text in texts or captions() for w in text.lower().split())
    total = sum(counts.values())
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
    pieces += [("▁" + word, math.log(n / total)) for word, n in counts.most_common()]
    known = {piece for piece, _ in pieces}
    pieces += [(c, -15.0) for c in ["▁"] + [chr(c) for c in range(33, 127) if not chr(c).isupper()] if c not in known]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=2, byte_fallback=False))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    tokenizer.add_special_tokens(["<pad>", "</s>", "<unk>"])
    return tokenizer


def merges_of(counts: Counter, most: int) -> list[tuple[str, str]]:
    """Byte pair encoding's merges: the commonest pair of neighbours each time, of equals the first in the alphabet's order.
    (The trainer of `tokenizers` breaks ties by chance, and with it the numbers of the tokens from run to run.)"""
    words = {(*word[:-1], word[-1] + END_OF_WORD): n for word, n in sorted(counts.items())}
    merges = []
    while len(merges) < most:
        pairs = Counter()
        for parts, n in words.items():
            for pair in zip(parts, parts[1:]):
                pairs[pair] += n
        if not pairs:
            break
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append(best)
        words = {merged(parts, best): n for parts, n in words.items()}
    return merges


def merged(parts: tuple[str, ...], pair: tuple[str, str]) -> tuple[str, ...]:
    out = list(parts)
    i = 0
    while i + 1 < len(out):
        if (out[i], out[i + 1]) == pair:
            out[i : i + 2] = ["".join(pair)]
        i += 1
    return tuple(out)


def make_clip_tokenizer(texts: list[str] | None = None) -> Tokenizer:
    """Byte-level BPE of lower-cased words ending in `</w>`, between a start and an end token."""
    normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()])
    words = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
    splitter = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(words), behavior="removed", invert=True),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
    ])
    counts = Counter(
        word for text in texts or captions() for word, _ in splitter.pre_tokenize_str(normalizer.normalize_str(text))
    )
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    merges = merges_of(counts, 768 - 2 * len(alphabet) - 2)
    pieces = ["<|startoftext|>", "<|endoftext|>", *alphabet, *(c + END_OF_WORD for c in alphabet), *map("".join, merges)]
    vocabulary = {piece: i for i, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.BPE(vocabulary, merges, end_of_word_suffix=END_OF_WORD, unk_token="<|endoftext|>"))
    tokenizer.normalizer, tokenizer.pre_tokenizer, tokenizer.decoder = normalizer, splitter, decoders.ByteLevel()
    tokenizer.add_special_tokens(["<|startoftext|>", "<|endoftext|>"])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<|startoftext|> $A <|endoftext|>", special_tokens=[("<|startoftext|>", 0), ("<|endoftext|>", 1)]
    )
    return tokenizer


def byte_ids(text: str) -> list[int]:
    """ByT5: UTF-8 bytes + 3, then the end token."""
    return [b + BYTE_OFFSET for b in text.encode("utf-8")] + [BYTE_END]


def quoted(prompt: str) -> str:
    """The parts in quotes that are to be drawn, joined by a space; "" where there are none."""
    return " ".join(part for pair in QUOTED.findall(prompt) if (part := "".join(pair)))


def without_quoted(prompt: str) -> str:
    """The prompt without what is to be drawn, which is left to the byte encoder."""
    return re.sub(r" (?=[.,;:!?])", "", re.sub(r"\s+", " ", QUOTED.sub(" ", prompt))).strip()


def cut(ids: list[int], limit: int) -> list[int]:
    """At the encoder's length, keeping the last (end) token."""
    return ids if len(ids) <= limit else ids[: limit - 1] + ids[-1:]


class TextEncoders(nn.Module):
    """Prompts to each encoder's last hidden states and masks. `None` is the null prompt of guidance."""

    def __init__(self, ul2: T5EncoderModel, metaclip: CLIPTextModel, byt5: T5EncoderModel,
                 ul2_tokenizer: Tokenizer, clip_tokenizer: Tokenizer, strip_quoted: bool = False):
        super().__init__()
        self.strip_quoted = strip_quoted
        self.ul2, self.metaclip, self.byt5 = ul2, metaclip, byt5
        self.ul2_tokenizer, self.clip_tokenizer = ul2_tokenizer, clip_tokenizer

    @property
    def dims(self) -> dict[str, int]:
        return {"ul2": self.ul2.config.d_model, "metaclip": self.metaclip.config.hidden_size,
                "byt5": self.byt5.config.d_model}

    def tokenize(self, prompts: list[str | None], fps: int | list[int] = world.FPS) -> dict[str, list[list[int]]]:
        """The frame rate stands before the prompt for UL2 and MetaCLIP, and not before the null prompt."""
        rates = fps if isinstance(fps, list) else [fps] * len(prompts)
        read = [without_quoted(p) if p and self.strip_quoted else p for p in prompts]
        full = ["" if p is None else f"FPS-{rate}. {p}" for p, rate in zip(read, rates)]
        drawn = ["" if p is None else quoted(p) for p in prompts]
        return {
            "ul2": [cut(e.ids, MAX_LENGTH["ul2"]) for e in self.ul2_tokenizer.encode_batch(full)],
            "metaclip": [cut(e.ids, MAX_LENGTH["metaclip"]) for e in self.clip_tokenizer.encode_batch(full)],
            "byt5": [cut(byte_ids(d), MAX_LENGTH["byt5"]) if d else [] for d in drawn],
        }

    def forward(self, prompts: list[str | None], fps: int | list[int] = world.FPS):
        """States `[B, L, dim]` and masks `[B, L]` by encoder; ByT5 is absent where nothing is quoted."""
        tokens, masks = {}, {}
        device = self.ul2.device
        for name, ids in self.tokenize(prompts, fps).items():
            L = max(len(i) for i in ids)
            if L == 0:
                continue
            tokens[name] = torch.tensor([i + [PAD] * (L - len(i)) for i in ids], device=device)                  # [B, L]
            masks[name] = torch.tensor([[True] * len(i) + [False] * (L - len(i)) for i in ids], device=device)   # [B, L]
        return self.encode(tokens, masks)

    def encode(self, tokens: dict[str, Tensor], masks: dict[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """The same of tokens `[B, L]` and their masks."""
        states = {}
        for name, ids in tokens.items():
            mask, encoder = masks[name], getattr(self, name)
            attended = None if name == "metaclip" else mask.long()   # causal: padding at the end is never seen
            states[name] = encoder(input_ids=ids, attention_mask=attended).last_hidden_state
        return states, masks

    def save(self, folder: Path, half: bool = True):
        """The layout of the public checkpoints: config.json, model.safetensors, tokenizer.json."""
        parts = {"ul2": self.ul2_tokenizer, "metaclip": self.clip_tokenizer, "byt5": None}
        for name, tokenizer in parts.items():
            where = folder / f"text_encoder_{name}"
            model = getattr(self, name)
            (model.half() if half else model).save_pretrained(where)
            model.float()
            if tokenizer is None:
                continue
            tokenizer.save(str(where / "tokenizer.json"))
            special = {"ul2": {"tokenizer_class": "T5TokenizerFast", "pad_token": "<pad>", "eos_token": "</s>",
                               "unk_token": "<unk>", "model_max_length": MAX_LENGTH["ul2"]},
                       "metaclip": {"tokenizer_class": "CLIPTokenizerFast", "bos_token": "<|startoftext|>",
                                    "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>",
                                    "pad_token": "<|endoftext|>", "model_max_length": MAX_LENGTH["metaclip"]}}
            (where / "tokenizer_config.json").write_text(json.dumps(special[name], indent=2) + "\n")


def small_encoders(width: int = 192, layers: int = 2, texts: list[str] | None = None, byt5_width: int = 64,
                   byt5_layers: int = 1) -> TextEncoders:
    """New encoders of the three kinds, their vocabularies from `texts` (shapes world's captions unless given). ByT5 has
    nothing to learn there: no letters are drawn."""
    ul2_tokenizer, clip_tokenizer = make_ul2_tokenizer(texts), make_clip_tokenizer(texts)
    ul2 = T5Config(
        vocab_size=ul2_tokenizer.get_vocab_size(), d_model=width, d_kv=32, d_ff=2 * width, num_layers=layers,
        num_heads=width // 32, feed_forward_proj="gated-silu", dropout_rate=0.0,
    )
    byt5 = T5Config(
        vocab_size=384, d_model=byt5_width, d_kv=32, d_ff=2 * byt5_width, num_layers=byt5_layers, num_heads=byt5_width // 32,
        feed_forward_proj="gated-gelu", dropout_rate=0.0,
    )
    metaclip = CLIPTextConfig(
        vocab_size=clip_tokenizer.get_vocab_size(), hidden_size=width, intermediate_size=2 * width,
        num_hidden_layers=layers, num_attention_heads=width // 32, max_position_embeddings=MAX_LENGTH["metaclip"],
        hidden_act="quick_gelu", bos_token_id=clip_tokenizer.token_to_id("<|startoftext|>"),
        eos_token_id=clip_tokenizer.token_to_id("<|endoftext|>"), pad_token_id=1, projection_dim=width,
    )
    return TextEncoders(T5EncoderModel(ul2), CLIPTextModel(metaclip), T5EncoderModel(byt5), ul2_tokenizer, clip_tokenizer)


def load_encoders(where: dict[str, Path], strip_quoted: bool = False) -> TextEncoders:
    """`where`: the folder of each encoder."""
    return TextEncoders(
        T5EncoderModel.from_pretrained(where["ul2"], dtype=torch.float32),
        CLIPTextModel.from_pretrained(where["metaclip"], dtype=torch.float32),
        T5EncoderModel.from_pretrained(where["byt5"], dtype=torch.float32),
        Tokenizer.from_file(str(where["ul2"] / "tokenizer.json")),
        Tokenizer.from_file(str(where["metaclip"] / "tokenizer.json")),
        strip_quoted,
    ).eval()
