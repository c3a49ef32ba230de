"""Our normal noise: Philox 4x32-10 (Salmon et al. 2011, "Random123") and Box-Muller. The definition, not only a copy of it.

Every adapter must give the same words exactly, and the same normals within 1e-6 (absolute). All words are unsigned, 32 bits.

1. Key and counter. A seed is an integer, 0 <= seed < 2^64; a stream is two words (s0, s1), (0, 0) unless said.
   Element i (0-based, row-major over the whole tensor) belongs to block b = floor(i / 4) and is its member i mod 4.
       key     = (seed mod 2^32, floor(seed / 2^32))
       counter = (b mod 2^32, floor(b / 2^32), s0, s1)
   s0 is what the noise is for: 0 the initial latents, 1 the TAE's posterior sample. s1 is free for the caller.
   An element depends on (seed, stream, i) only: never on the tensor's length, its shape, or how work is split.

2. Philox 4x32-10. Ten rounds over (c0, c1, c2, c3) with (k0, k1); after each round but the last, k0 += 0x9E3779B9 and
   k1 += 0xBB67AE85 (mod 2^32). One round, hi and lo being the halves of the 64-bit product:
       hi0, lo0 = 0xD2511F53 * c0        hi1, lo1 = 0xCD9E8D57 * c2
       (c0, c1, c2, c3) = (hi1 ^ c1 ^ k0, lo1, hi0 ^ c3 ^ k1, lo0)
   The block's words are (w0, w1, w2, w3) = (c0, c1, c2, c3) after the last round.

3. Uniform. m(w) = 2 * (w >> 9) + 1, an odd integer, 1 <= m < 2^24, and u(w) = m(w) * 2^-24. Exact in f32, symmetric about
   1/2, and neither 0 nor 1 occurs. (u of 23 random bits; its spacing is 2^-23, its smallest value 2^-24.)

4. Normals. Two Box-Muller pairs a block, the first word of each the radius, the second the angle:
       r(w) = sqrt(-2 ln u(w))           a(w) = 2 pi u(w)
       z0 = r(w0) cos a(w1)    z1 = r(w0) sin a(w1)    z2 = r(w2) cos a(w3)    z3 = r(w2) sin a(w3)
   |z| < 5.77. Here in f64, rounded to f32 once, at the end.

For an f32 implementation, where built-in `log`, `cos` and `sqrt` are not exact enough: |z| reaches 5.77, so the tolerance
is 1.7e-7 relative there, less than three roundings. What makes it possible:
   - ln: with m = f 2^e, sqrt(1/2) <= f < sqrt(2), all exact, ln u = (e - 24) ln 2 + ln f; ln 2 is split in two so that
     (e - 24) times the high part is exact (0.693359375 and -2.12194440e-4), and f - 1 is exact. Where u is near 1,
     e = 24 and only ln f remains, so the result keeps its relative precision.
   - angle: m is an integer, so the octant m >> 21 and the rest (m & 0x1FFFFF) * 2^-21 (times pi/4) are exact: no reduction
     of an angle in floating point, and polynomials only on [0, pi/4]. In odd octants use 2^21 - rest and swap.
   - sqrt: one step of correction, s + (x - s*s) / (2s) with fma for x - s*s, where the built-in may be 2 units off.
An emulation in f32 with Cephes' polynomials (logf, sinf, cosf) stays within 9.6e-7 of the f32 fixtures, the worst of it
above |z| = 4, where that is two units in the last place; below |z| = 2 a tighter bound may be asked for.
"""

import numpy as np
import torch
from torch import Tensor

MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
WEYL = (0x9E3779B9, 0xBB67AE85)
LOW = np.uint64(0xFFFFFFFF)

LATENTS, POSTERIOR = 0, 1  # what s0 says


def philox_4x32_10(counter: np.ndarray, key: tuple[int, int]) -> np.ndarray:
    """counter [n, 4], key of two words -> words [n, 4], as uint32."""
    c0, c1, c2, c3 = (counter[:, j].astype(np.uint64) for j in range(4))
    k0, k1 = key
    for _ in range(10):
        product0 = np.uint64(MULTIPLIERS[0]) * c0
        product1 = np.uint64(MULTIPLIERS[1]) * c2
        c0, c1, c2, c3 = (
            (product1 >> np.uint64(32)) ^ c1 ^ np.uint64(k0),
            product1 & LOW,
            (product0 >> np.uint64(32)) ^ c3 ^ np.uint64(k1),
            product0 & LOW,
        )
        k0, k1 = (k0 + WEYL[0]) % 2**32, (k1 + WEYL[1]) % 2**32
    return np.stack([c0, c1, c2, c3], axis=1).astype(np.uint32)


def words(count: int, seed: int, stream: tuple[int, int] = (0, 0), start: int = 0) -> np.ndarray:
    """The words behind elements start .. start + count - 1, uint32 [count]; element i is word i mod 4 of its block."""
    if not 0 <= seed < 2**64:
        raise ValueError(f"philox: seed must be an integer from 0 to 2^64 - 1, got {seed}")
    first, last = start // 4, (start + count + 3) // 4
    block = np.arange(first, last, dtype=np.uint64)
    s0, s1 = (np.full_like(block, s) for s in stream)
    counter = np.stack([block & LOW, block >> np.uint64(32), s0, s1], axis=1)
    flat = philox_4x32_10(counter, (seed % 2**32, seed // 2**32)).reshape(-1)
    return flat[start - 4 * first :][:count]


def uniform(w: np.ndarray) -> np.ndarray:
    """u(w) = (2 (w >> 9) + 1) 2^-24, f64."""
    return (2.0 * (w >> np.uint32(9)).astype(np.float64) + 1.0) * 2.0**-24


def normal(
    shape: tuple[int, ...], seed: int, stream: tuple[int, int] = (LATENTS, 0), start: int = 0, dtype=torch.float32
) -> Tensor:
    """Standard normals; `start` is the index of the first element (for a tensor that continues another)."""
    count = int(np.prod(shape))
    first = start - start % 4
    whole = -(-(start + count - first) // 4) * 4
    u = uniform(words(whole, seed, stream, first)).reshape(-1, 2, 2)       # [blocks, pair, (radius, angle)]
    radius, angle = np.sqrt(-2.0 * np.log(u[..., 0])), 2.0 * np.pi * u[..., 1]
    z = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=-1).reshape(-1)
    return torch.from_numpy(z[start - first :][:count].copy()).to(dtype).reshape(shape)
