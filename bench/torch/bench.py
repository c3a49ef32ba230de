"""Times the bench's cases and models in PyTorch, beside ours: cuBLAS, scaled_dot_product_attention, cuDNN.

    npm run bench -- --cases cases.json                       # writes what shall be timed
    python3 bench/torch/bench.py cases.json torch.json        # on the same machine
    npm run bench -- --dtype f16 --torch torch.json           # shows both, and the ratio

Times are by CUDA events, or by the clock on a CPU. Inputs are fresh normals in rotation, resident. Nothing is
checked here: PyTorch is the other side's reference, and our own results are checked before they are timed.
"""

import argparse
import json
import math
import re
import sys
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

TYPES = {"bf16": torch.bfloat16, "f16": torch.float16, "f32": torch.float32}
BACKENDS = (SDPBackend.CUDNN_ATTENTION, SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH)
ROTATED_BYTES = 256 * 2**20
ACTIVATIONS = {
    None: lambda x: x,
    "silu": F.silu,
    "gelu": F.gelu,
    "gelu-tanh": lambda x: F.gelu(x, approximate="tanh"),
    "relu": F.relu,
}


def spatial_first(x):
    """A view of [B, ..., C] as [B, C, ...], which is how PyTorch takes channels last."""
    return x.movedim(-1, 1)


def norm(function, tensors, options):
    x, weight, bias = tensors["x"], tensors.get("weight"), tensors.get("bias")
    shift, scale = tensors.get("shift"), tensors.get("scale")
    if shift is not None and shift.dim() > 1:
        shift, scale = shift[:, None], scale[:, None]

    def run():
        y = function(x, weight, bias, options.get("eps", 1e-5))
        return y if shift is None else y * (1 + scale) + shift

    return run


def convolution(tensors, options, rank):
    if options.get("upsample") or options.get("paddingMode", "zeros") != "zeros":
        return None
    padding = options.get("padding", 0)
    if not isinstance(padding, int):
        pairs = [(p, p) if isinstance(p, int) else tuple(p) for p in padding]
        if any(before != after for before, after in pairs):
            return None
        padding = tuple(before for before, _ in pairs)
    function = (F.conv1d, F.conv2d, F.conv3d)[rank - 1]
    last = options.get("layout") == "channels-last"
    x = spatial_first(tensors["x"]) if last else tensors["x"]
    before = tensors.get("before")
    if before is not None and last:
        before = spatial_first(before)
    weight, bias, residual = tensors["weight"], tensors.get("bias"), tensors.get("residual")
    if last and rank > 1:
        weight = weight.contiguous(memory_format=torch.channels_last if rank == 2 else torch.channels_last_3d)
    arguments = {name: options.get(name, 1) for name in ("stride", "dilation", "groups")} | {"padding": padding}
    activation = ACTIVATIONS[options.get("activation")]

    def run():
        whole = x if before is None else torch.cat([before, x], dim=2)
        y = activation(function(whole, weight, bias, **arguments))
        return y if residual is None else y + (spatial_first(residual) if last else residual)

    return run


def attention(tensors, options):
    if set(tensors) != {"q", "k", "v"} or options.get("columns"):
        return None
    heads = options["heads"]
    q, k, v = (tensors[name].unflatten(-1, (heads, -1)).transpose(1, 2) for name in "qkv")  # [B, h, N, d]
    causal = options.get("causal", False)
    return lambda: F.scaled_dot_product_attention(q, k, v, is_causal=causal, scale=options.get("scale"))


def rms_norm_rotary(tensors, options):
    """Each projection normed over its width, then neighbouring pairs of each head rotated, as diffusers' Wan does."""
    x, weight, rotary = tensors["x"], tensors["weight"], tensors["rotary"]
    (count, width), size = weight.shape, rotary.shape[-1]
    first = (options.get("columns") or [0])[0]
    x = x[..., first : first + count * width].unflatten(-1, (count, width))
    cos, sin = rotary[:, None, None, 0::2], rotary[:, None, None, 1::2]  # [N, P, heads, pairs]

    def run():
        pairs = (F.rms_norm(x, (width,), None, options.get("eps", 1e-5)) * weight).unflatten(-1, (-1, size // 2, 2))
        a, b = pairs[..., 0], pairs[..., 1]
        return torch.stack([a * cos - b * sin, a * sin + b * cos], dim=-1).flatten(-4)

    return run


def linear(tensors, options):
    x, weight, bias, residual, gate = (tensors.get(n) for n in ("x", "weight", "bias", "residual", "gate"))
    if gate is not None and gate.dim() > 1:
        gate = gate[:, None]
    activation = ACTIVATIONS.get(options.get("activation"))
    if activation is None:
        return None

    def run():
        y = activation(F.linear(x, weight, bias))
        if gate is not None:
            y = y * gate
        return y if residual is None else y + residual

    return run


def prepare(op, t, o):
    """A function that runs the op once, or None if PyTorch has no such call."""
    if op == "matmul":
        a = t["a"].mT if o.get("transposeA") else t["a"]
        b = t["b"].mT if o.get("transposeB") else t["b"]
        return lambda: a @ b
    if op == "linear":
        return linear(t, o)
    if op == "swiglu":
        return lambda: F.silu(F.linear(t["x"], t["w1"])) * F.linear(t["x"], t["w3"])
    if op in ("conv1d", "conv2d", "conv3d"):
        return convolution(t, o, int(op[4]))
    if op == "attention":
        return attention(t, o)
    if op == "rmsNormRotary":
        return rms_norm_rotary(t, o)
    if op == "layerNorm":
        return norm(lambda x, w, b, eps: F.layer_norm(x, x.shape[-1:], w, b, eps), t, o)
    if op == "rmsNorm":
        return norm(lambda x, w, b, eps: F.rms_norm(x, x.shape[-1:], w, eps), t, o)
    if op == "groupNorm":
        last, activation = o.get("layout") == "channels-last", ACTIVATIONS[o.get("activation")]
        x, weight, bias = spatial_first(t["x"]) if last else t["x"], t.get("weight"), t.get("bias")
        return lambda: activation(F.group_norm(x, o["groups"], weight, bias, o.get("eps", 1e-5)))
    if op == "softmax":
        return lambda: F.softmax(t["x"], o["axis"])
    if op in ("silu", "gelu", "relu"):
        return lambda: getattr(F, op)(t["x"])
    if op == "siluMul":
        return lambda: F.silu(t["a"]) * t["b"]
    if op in ("add", "mul") and set(t) == {"a", "b"}:
        return lambda: getattr(torch, op)(t["a"], t["b"])
    if op == "gatedResidual":
        return lambda: torch.addcmul(t["x"], t["gate"].unsqueeze(-2) if t["gate"].dim() > 1 else t["gate"], t["y"])
    if op == "permute":
        return lambda: t["x"].permute(o["axes"]).contiguous()
    if op in ("sum", "mean") and "axes" in o:
        return lambda: getattr(torch, op)(t["x"], dim=o["axes"], keepdim=o.get("keepDims", False))
    return None


def draw(inputs, dtype, device):
    tensors = {}
    for name, shape in inputs.items():
        scale = math.prod(shape[1:]) ** -0.5 if name in ("weight", "w1", "w3") and len(shape) > 1 else 1.0
        tensors[name] = torch.randn(shape, dtype=dtype, device=device).mul_(scale)
    return tensors


class Timer:
    def __init__(self, device, runs, seconds):
        self.cuda, self.runs, self.seconds = device.type == "cuda", runs, seconds

    def once(self, run):
        if not self.cuda:
            begin = time.perf_counter()
            run()
            return (time.perf_counter() - begin) * 1000
        begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        torch.cuda.synchronize()
        begin.record()
        run()
        end.record()
        end.synchronize()
        return begin.elapsed_time(end)

    def measure(self, calls):
        """Median, p10, p90 and count of times of the calls in rotation."""
        for run in calls:
            self.once(run)
        times, begin = [], time.perf_counter()
        while len(times) < 3 or (len(times) < self.runs and time.perf_counter() - begin < self.seconds):
            times.append(self.once(calls[len(times) % len(calls)]))
        at = torch.tensor(times, dtype=torch.float64).quantile(torch.tensor([0.5, 0.1, 0.9], dtype=torch.float64))
        median, p10, p90 = at.tolist()
        return {"median": median, "p10": p10, "p90": p90, "runs": len(times)}


def attention_times(timer, calls, device):
    """The times of the fastest backend that takes these operands, with its name."""
    found = []
    for backend in BACKENDS if device.type == "cuda" else (None,):
        try:
            if backend is None:
                found.append(timer.measure(calls) | {"backend": "cpu"})
                continue
            with sdpa_kernel(backend):
                found.append(timer.measure(calls) | {"backend": backend.name.lower()})
        except (RuntimeError, torch.cuda.OutOfMemoryError):
            torch.cuda.empty_cache()
    return min(found, key=lambda times: times["median"], default=None)


def snake(config):
    return {re.sub("[A-Z]", lambda m: "_" + m[0].lower(), key): value for key, value in config.items()}


class Decoder(torch.nn.Module):
    """The decoder of an autoencoder as a module of its own."""

    def __init__(self, vae):
        super().__init__()
        self.vae = vae

    def forward(self, z):
        return self.vae.decode(z, return_dict=False)[0]


class Transformer(torch.nn.Module):
    def __init__(self, transformer):
        super().__init__()
        self.transformer = transformer

    def forward(self, x, t, text):
        return self.transformer(x, t, text, return_dict=False)[0]


def wan_module(spec, dtype, device):
    """Diffusers' class of what our row runs, with random weights, and its inputs by name."""
    try:
        from diffusers import AutoencoderKLWan, WanTransformer3DModel
    except ModuleNotFoundError as error:
        raise RuntimeError(f"diffusers is not installed ({error.name})") from error

    config, latent = snake(spec["config"]), spec["latent"]
    with torch.device(device):
        if spec["kind"] == "wanVae":
            vae = AutoencoderKLWan(base_dim=config["base_dim"], z_dim=config["z_dim"]).to(dtype).eval()
            return Decoder(vae), {"z": torch.randn(1, config["z_dim"], *latent, dtype=dtype)}
        names = "ffn_dim", "num_layers", "in_channels", "out_channels", "text_dim", "freq_dim"
        sizes = {name: config[name] for name in names}
        transformer = WanTransformer3DModel(
            num_attention_heads=config["num_heads"], attention_head_dim=config["head_dim"], **sizes
        )
        x = torch.randn(1, config["in_channels"], *latent, dtype=dtype)
        text, t = torch.randn(1, 512, config["text_dim"], dtype=dtype), torch.full((1,), 640.0)
        return Transformer(transformer.to(dtype).eval()), {"x": x, "t": t, "text": text}


def model(spec, dtype, device):
    """A function that runs a model once; its weights are random, as the bench makes them."""
    if spec["kind"].startswith("wan"):
        module, inputs = wan_module(spec, dtype, device)
        return lambda: module(**inputs)
    sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "reference"))
    from moviegen_reference.dit import DiT
    from moviegen_reference.tae import TAE

    config, latent = snake(spec["config"]), spec["latent"]
    torch.set_default_dtype(dtype)
    try:
        with torch.device(device):
            if spec["kind"] == "tae":
                tae = TAE(config).eval()
                z = torch.randn(1, config["latent_channels"], *latent)
                return lambda: tae.decode(z)
            dit, batch = DiT(config).eval(), spec["batch"]
            for parameter in dit.parameters():
                if parameter.dim() > 1:
                    torch.nn.init.normal_(parameter, std=math.prod(parameter.shape[1:]) ** -0.5)
            x, t = torch.randn(batch, config["in_channels"], *latent), torch.full((batch,), 0.5)
            name, width = next(iter(config["text_dims"].items()))
            text = {name: torch.randn(batch, 64, width)}
            mask = {name: torch.ones(batch, 64, dtype=torch.bool)}
            return lambda: dit(x, t, text, mask)
    finally:
        torch.set_default_dtype(torch.float32)


@torch.inference_mode()
def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", help="what `npm run bench -- --cases FILE` has written")
    parser.add_argument("out", help="the times, for `npm run bench -- --torch FILE`")
    parser.add_argument("--types", default=None, help="of bf16,f16,f32; default bf16,f16,f32 on CUDA, f32 on a CPU")
    parser.add_argument("--filter", default="", help='only rows whose "op name" matches')
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=1.0, help="at most so long for the runs of a row")
    parser.add_argument("--compile", action="store_true", help="models through torch.compile")
    arguments = parser.parse_args()

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    cuda = device.type == "cuda"
    if cuda:
        torch.backends.cudnn.benchmark = True
    timer = Timer(device, arguments.runs, arguments.seconds)
    given = json.loads(Path(arguments.cases).read_text())
    wanted = re.compile(arguments.filter)
    rows, left_out = [], []

    def add(op, name, type_name, times):
        row = {"op": op, "name": name, "dtype": type_name} | times
        rows.append(row)
        backend = row.get("backend", "")
        print(f"{type_name:5} {row['median']:10.3f} ms  {op} {name} {backend}", flush=True)

    for type_name in (arguments.types or ("bf16,f16,f32" if cuda else "f32")).split(","):
        dtype = TYPES[type_name]
        for case in given["cases"]:
            label = f"{case['op']} {case['name']}"
            if not wanted.search(label) or (case["large"] and not cuda):
                continue
            try:
                bytes_once = sum(math.prod(shape) * dtype.itemsize for shape in case["inputs"].values())
                sets = max(2, min(64, math.ceil(ROTATED_BYTES / max(1, bytes_once)))) if cuda else 2
                calls = [prepare(case["op"], draw(case["inputs"], dtype, device), case["options"]) for _ in range(sets)]
                if calls[0] is None:
                    left_out.append(label)
                    continue
                times = attention_times(timer, calls, device) if case["op"] == "attention" else timer.measure(calls)
                add(case["op"], case["name"], type_name, times)
            except RuntimeError as error:
                left_out.append(f"{label}: {str(error).splitlines()[0]}")
            finally:
                calls = None
                if cuda:
                    torch.cuda.empty_cache()
        for spec in given["models"]:
            if not wanted.search(f"model {spec['name']}") or (spec["hardware"] and not cuda):
                continue
            try:
                run = model(spec, dtype, device)
                if arguments.compile:
                    run = torch.compile(run)
                add("model", spec["name"], type_name, timer.measure([run]) | {"backend": "eager" if not arguments.compile else "compiled"})
            except RuntimeError as error:
                left_out.append(f"model {spec['name']}: {str(error).splitlines()[0]}")
            finally:
                run = None
                if cuda:
                    torch.cuda.empty_cache()

    report = {"device": torch.cuda.get_device_name() if cuda else "cpu", "torch": torch.__version__, "rows": rows}
    if cuda:
        report |= {"cuda": torch.version.cuda, "cudnn": torch.backends.cudnn.version()}
    Path(arguments.out).write_text(json.dumps(report | {"leftOut": sorted(set(left_out))}, indent=1) + "\n")
    for line in sorted(set(left_out)):
        print(f"left out: {line}")


if __name__ == "__main__":
    main()
