// A spatial convolution and the temporal one that follows it, in one kernel: what lies between them is never
// written. y[t] = activation(bias + sum over j of Wt[j] s[t + j - 1]) + residual with s[t] = conv2d(x[t]) + spatialBias;
// s goes on beyond its ends with its first and last frame.
// Legend: x [B, T, H, W, C]; spatial [O, C, kh, kw] and temporal [O, O, 3] prepacked (pack.ts); s [B, T, H', W', O];
// residual and y [B, T', H', W', O].
//
// A workgroup owns some positions of an item, in all channels, and walks over T. Each frame of s is made once, in
// registers, and goes to workgroup memory, which holds the last three, since every channel of a result needs all
// channels of s. Then follow the frames of the result that need no later one.
import { activationWGSL } from '../activation.ts';
import {
  type DType,
  i32,
  type Kernel,
  type Target,
  u32,
  uniformBlock,
  workgroupIndexWGSL,
} from '../kernel.ts';
import { epilogueWGSL } from '../matmul/epilogue.ts';
import { loadPacked, packedWGSL, storeWGSL } from '../matmul/product.ts';
import { enableWGSL, exchanged, fromF32, storageArray, storeRowWGSL, toF32, unroll } from '../wgsl.ts';
import type { ConvParts } from './conv.ts';
import {
  framesMade,
  pitchOf,
  positionsOf,
  type SpatioTemporalShape,
  tilesOf,
} from './spatioTemporalTiles.ts';
import { convUniforms, inputCoordinateWGSL } from './window.ts';

/**
 * The kernel; `pitches` count the blocks in a row of each packed weight. Bindings: x, spatial, temporal, spatialBias,
 * bias, residual, out; an absent part's takes any tensor.
 */
export function convSpatioTemporalKernel(
  shape: SpatioTemporalShape,
  pitches: readonly [spatial: number, temporal: number],
  parts: ConvParts & { readonly spatialBias: boolean },
  dtype: DType,
  target: Target,
  variant: string,
): Kernel {
  const { spatial, frames, stride, upsample } = shape;
  const { C, O, kernel, output, batch } = spatial;
  const tiles = tilesOf(shape, target, dtype);
  const tile = tiles.get(variant);
  if (!tile) {
    throw new Error(
      `convSpatioTemporal: no variant "${variant}" on this adapter; it has ${[...tiles.keys()].join(', ') || 'none'}`,
    );
  }
  const { rows, vectors, across, down, exchange } = tile;
  const shares = exchange !== 'none';
  const loads = shares ? rows / across : rows;
  const step = C % 4 === 0 ? 4 : 1;
  const pitch = pitchOf(tile);
  const M = output[1] * output[2];
  const taps = kernel[1] * kernel[2];
  const positions = positionsOf(tile);
  const tilesM = Math.ceil(M / positions);
  const items = batch / frames;
  const made = framesMade(shape);
  const epilogue = epilogueWGSL(4, parts, dtype, true);
  const uniforms = uniformBlock(7, {
    ...convUniforms(spatial),
    M: u32(M),
    N: u32(O),
    C: u32(C),
    frames: u32(frames),
    madeT: u32(made),
    stepT: i32(stride),
    scaleT: i32(upsample),
    taps: u32(taps),
    tilesM: u32(tilesM),
    tiles: u32(items * tilesM),
    columns: u32(O / 4),
    pitch: u32(pitches[0]),
    temporalPitch: u32(pitches[1]),
    blocks: u32(Math.ceil(C / 4)),
    hasSpatialBias: u32(parts.spatialBias ? 1 : 0),
    ...epilogue.uniforms,
  });
  const zeros = `array<vec4f, ${rows * vectors}>()`;
  /** Adds to `c` the product of row `a` (a vec4f along k, or with step 1 a number) and the blocks `b`. */
  const multiply = (row: number, width: 1 | 4) =>
    unroll(vectors, (j) => {
      const at = `c[${row * vectors + j}]`;
      const dot = [0, 1, 2, 3].map((e) => `a[${e}] * b${j}[${e}]`).join(' + ');
      return `          ${at} = ${at} + ${width === 4 ? dot : `a * b${j}`};`;
    });
  /** The same for every row: those that this invocation has loaded, and those of its neighbours. */
  const multiplyAll = (width: 1 | 4) =>
    unroll(loads, (i) =>
      unroll(
        shares ? across : 1,
        (s) => `        {
          let a = ${exchanged(tile.exchange, `a${i}`, s)};
${multiply(shares ? i * across + s : i, width)}
        }`,
      ),
    );
  const owned = (i: number) => (shares ? `${i * across}u + laneX` : `${i}u`);
  const block = loadPacked(dtype, step, 'firstBlock');
  const temporalBlock = (j: number) => {
    const value = `temporal[(tap * u.columns + k) * u.temporalPitch + column + ${j}u]`;
    return dtype === 'f32' ? value : `mat4x4f(${value})`;
  };
  const read = (i: number) => {
    const value = toF32(dtype, `x[x${i} + k]`, step === 4);
    return `select(${step === 4 ? 'vec4f()' : '0.0'}, ${value}, met${i}.inside)`;
  };
  const finish = `          let position = firstRow + ${shares ? '(i ^ laneX)' : 'i'};
          if (position < u.M) {
            let row = (item * u.madeT + made) * u.M + position;
            var value = c[i * ${vectors}u + j];
            ${storeWGSL({ ...epilogue, store: storeRowWGSL(dtype, true, 'row') })}
          }`;
  // A GPU keeps `c` in registers where every place in it is known; software compiles a loop once.
  const finishAll = shares
    ? `        for (var i = 0u; i < ${rows}u; i++) {\n${finish}\n        }`
    : unroll(rows, (i) => `        {\n          let i = ${i}u;\n${finish}\n        }`);

  const code = /* wgsl */ `${enableWGSL(dtype, shares)}
@group(0) @binding(0) var<storage, read> x: ${storageArray(dtype, step === 4)};
${packedWGSL(1, dtype, step)}
@group(0) @binding(2) var<storage, read> temporal: array<mat4x4<${dtype}>>;
@group(0) @binding(3) var<storage, read> spatialBias: ${storageArray(dtype, true)};
${epilogue.declarations}
@group(0) @binding(6) var<storage, read_write> out: ${storageArray(dtype, true)};
${uniforms.wgsl}${workgroupIndexWGSL}${activationWGSL(spatial.activation)}${inputCoordinateWGSL}
/** The last three frames of s. */
var<workgroup> window: array<vec4<${dtype}>, ${3 * positions * pitch}>;
/** The frame of s that a tap meets at a frame of the result. */
fn source(made: u32, tap: u32) -> u32 {
  let last = i32(u.frames) * u.scaleT - 1;
  return u32(clamp(i32(made) * u.stepT + i32(tap) - 1, 0, last) / u.scaleT);
}
fn newest(made: u32) -> u32 { return source(made, 2u); }

@compute @workgroup_size(${across * down}) fn main(
  @builtin(workgroup_id) id: vec3<u32>,
  @builtin(num_workgroups) count: vec3<u32>,
  ${shares ? '@builtin(subgroup_invocation_id)' : '@builtin(local_invocation_index)'} lane: u32,
) {
  let index = workgroupIndex(id, count);
  if (index >= u.tiles) { return; }
  let item = index / u.tilesM;
  let laneX = lane % ${across}u;
  let ownRow = lane / ${across}u * ${rows}u;
  let firstRow = index % u.tilesM * ${positions}u + ownRow;
  let column = laneX * ${vectors}u;
${unroll(loads, (i) => `  let corner${i} = corner(min(firstRow + ${owned(i)}, u.M - 1u));`)}
${unroll(
  vectors,
  (j) => `  var bias${j} = vec4f();
  if (u.hasSpatialBias != 0u) { bias${j} = ${toF32(dtype, `spatialBias[min(column + ${j}u, u.columns - 1u)]`, true)}; }`,
)}
  var made = 0u; // frames of the result
  for (var t = 0u; t < u.frames; t++) {
    var c = ${zeros};
    let first = (item * u.frames + t) * (u.inH * u.inW);
    for (var tap = 0u; tap < u.taps; tap++) {
      let offset = offsetOf(tap);
      let firstBlock = tap * u.blocks;
${unroll(
  loads,
  (i) => `      let met${i} = meet(corner${i} + offset);
      let x${i} = (first + met${i}.index) * (u.C / ${step}u);`,
)}
      for (var k = 0u; k < u.C / ${step}u; k++) {
${unroll(loads, (i) => `        let a${i} = ${read(i)};`)}
${unroll(vectors, (j) => `        let b${j} = ${block('k', `(column + ${j}u)`)};`)}
${multiplyAll(step)}
      }
    }
    workgroupBarrier(); // all have used the frame whose place this one takes
    let slot = t % 3u * ${positions * pitch}u + ownRow * ${pitch}u + column;
${unroll(rows, (i) => unroll(vectors, (j) => `    window[slot + ${shares ? `(${i}u ^ laneX) * ${pitch}u + ${j}` : i * pitch + j}u] = ${fromF32(dtype, `c[${i * vectors + j}] + bias${j}`, true)};`))}
    workgroupBarrier(); // the frame is there
    // Every frame of the result that needs none after this one.
    for (; made < u.madeT && newest(made) <= t; made++) {
      c = ${zeros};
      for (var tap = 0u; tap < 3u; tap++) {
        let begin = source(made, tap) % 3u * ${positions * pitch}u + ownRow * ${pitch}u;
        for (var k = 0u; k < u.columns; k++) {
${unroll(loads, (i) => `          let a${i} = ${toF32(dtype, `window[begin + (${owned(i)}) * ${pitch}u + k]`, true)};`)}
${unroll(vectors, (j) => `          let b${j} = ${temporalBlock(j)};`)}
${multiplyAll(4)}
        }
      }
      for (var j = 0u; j < ${vectors}u; j++) {
        let at = column + j;
        if (at >= u.columns) { break; }
        ${epilogue.column}
${finishAll}
      }
    }
  }
}
`;
  return {
    label: ['convSpatioTemporal', dtype, variant, spatial.activation].filter(Boolean).join(' '),
    code,
    bindings: [
      ...(['x', 'spatial', 'temporal', 'spatialBias'] as const).map((name) => ({
        name,
        dtype,
        access: 'read' as const,
      })),
      ...epilogue.bindings,
      { name: 'out', dtype, access: 'read_write' },
    ],
    uniforms: uniforms.bytes,
    workgroups: items * tilesM,
    flops: 2 * items * M * O * (frames * C * taps + 3 * made * O),
  };
}
