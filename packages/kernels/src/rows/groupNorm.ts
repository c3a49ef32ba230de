// y = (x - mean) / sqrt(var + eps), with mean and population variance over the positions and channels of a group of
// one batch item; then weight, bias and an activation. Legend: x [B, P, C] (channels-last) or [B, C, P]
// (channels-first), G groups of C / G neighbouring channels, P positions.
//
// A group may be large while there are few of them, so the work is split within a group, in three passes:
//   statistics  S interleaved parts of the positions: mean and squared deviations per channel       [B, S, C]
//   fold        the parts and channels of a group become one mean and one factor, written per channel [B, 2, C]
//   apply       (x - mean) * factor, weight, bias, activation
// x is read twice. The mean of four values is known before their deviations from it are squared, and Chan's formula
// merges these fours, so that large offsets do not cancel.

import { type Activation, activationWGSL } from '../activation.ts';
import {
  type DType,
  f32,
  type Kernel,
  type Target,
  u32,
  uniformBlock,
  workgroupIndexWGSL,
} from '../kernel.ts';
import { elementWGSL, enableWGSL, vectorWGSL } from '../wgsl.ts';
import { rowSweep, rowVariants } from './rows.ts';

/** Shape and fused parts of a group norm. */
export interface GroupNormShape {
  readonly B: number;
  readonly P: number;
  readonly C: number;
  readonly G: number;
  readonly eps: number;
  readonly layout: 'channels-first' | 'channels-last';
  readonly weight?: boolean;
  readonly bias?: boolean;
  readonly activation?: Activation;
}

/** The three passes, and how many f32 of scratch memory lie between them. */
export interface GroupNormKernels {
  /** Bindings: x, parts. */
  readonly statistics: Kernel;
  /** Bindings: parts, moments. */
  readonly fold: Kernel;
  /** Bindings: x, moments, then weight and bias where present, then out. */
  readonly apply: Kernel;
  readonly parts: number;
  readonly moments: number;
}

/** Variants of a group norm, best first. They differ only in the fold. */
export const groupNormVariants = (target: Target): string[] => rowVariants(target);

/** How x is walked: [outer, steps, lanes] of `width` numbers; the statistics run over `steps`. */
function walk({ B, P, C, layout }: GroupNormShape) {
  if (layout === 'channels-last') {
    const width = C % 4 === 0 ? 4 : 1;
    return { width, outer: B, steps: P, lanes: C / width };
  }
  const width = P % 4 === 0 ? 4 : 1;
  return { width, outer: B * C, steps: P / width, lanes: 1 };
}

/** How many parts the positions are split into: enough to fill the adapter, with at least 16 steps each. */
function split({ outer, steps, lanes }: ReturnType<typeof walk>, target: Target): number {
  const wanted = Math.ceil((target.software ? 256 : 65536) / Math.max(1, outer * lanes));
  return Math.max(1, Math.min(wanted, Math.ceil(steps / 16)));
}

/** The kernels of a group norm. */
export function groupNormKernels(
  shape: GroupNormShape,
  dtype: DType,
  target: Target,
  variant: string = groupNormVariants(target)[0]!,
): GroupNormKernels {
  const parts = split(walk(shape), target);
  return {
    statistics: statisticsKernel(shape, parts, dtype),
    fold: foldKernel(shape, parts, target, variant),
    apply: applyKernel(shape, parts, dtype),
    parts: shape.B * parts * shape.C * 2,
    moments: shape.B * 2 * shape.C,
  };
}

const walkUniforms = (shape: GroupNormShape, parts: number) => {
  const { outer, steps, lanes } = walk(shape);
  return {
    count: u32(outer * parts * lanes),
    parts: u32(parts),
    steps: u32(steps),
    lanes: u32(lanes),
    C: u32(shape.C),
  };
};

/** Start of the passes over x. An invocation owns the steps part, part + parts, ... of one lane of one owner (see `walk`). */
const openWGSL = /* wgsl */ `
// Neighbouring invocations read neighbouring lanes, then neighbouring parts.
@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) id: vec3<u32>,
  @builtin(num_workgroups) count: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let i = workgroupIndex(id, count) * 64u + local;
  if (i >= u.count) {
    return;
  }
  let lane = i % u.lanes;
  let part = i / u.lanes % u.parts;
  let owner = i / u.lanes / u.parts;
  let stride = u.parts * u.lanes;
  var at = (owner * u.steps + part) * u.lanes + lane;
`;

function statisticsKernel(shape: GroupNormShape, parts: number, dtype: DType): Kernel {
  const { width, outer, lanes } = walk(shape);
  const first = shape.layout === 'channels-first';
  const count = outer * parts * lanes;
  const uniforms = uniformBlock(2, walkUniforms(shape, parts));
  // Channels-last: a vector's numbers are channels. Channels-first: they are positions of one channel.
  const store = first
    ? /* wgsl */ `
  let channel = owner % u.C;
  let to = (owner / u.C * u.parts + part) * u.C + channel;
  ${
    width === 4
      ? `let all = dot(mean, vec4f(0.25));
  let d = mean - all;
  parts[to] = vec2(all, dot(deviations + n * d * d, vec4f(1.0)));`
      : 'parts[to] = vec2(mean, deviations);'
  }`
    : /* wgsl */ `
  let to = (owner * u.parts + part) * u.C + lane * ${width}u;
  ${
    width === 4
      ? 'for (var c = 0u; c < 4u; c++) { parts[to + c] = vec2(mean[c], deviations[c]); }'
      : 'parts[to] = vec2(mean, deviations);'
  }`;
  const code = /* wgsl */ `${enableWGSL([dtype])}
${vectorWGSL(width)}@group(0) @binding(0) var<storage, read> x: array<${elementWGSL(dtype, width)}>;
@group(0) @binding(1) var<storage, read_write> parts: array<vec2f>;
${uniforms.wgsl}${workgroupIndexWGSL}${openWGSL}
  var mean = V();
  var deviations = V();
  var n = 0.0;
  var step = part;
  for (; step + 3u * u.parts < u.steps; step += 4u * u.parts) {
    let a = V(x[at]);
    let b = V(x[at + stride]);
    let c = V(x[at + 2u * stride]);
    let d = V(x[at + 3u * stride]);
    at += 4u * stride;
    let four = 0.25 * ((a + b) + (c + d));
    let squares = ((a - four) * (a - four) + (b - four) * (b - four)) + ((c - four) * (c - four) + (d - four) * (d - four));
    let shift = four - mean;
    let share = 4.0 / (n + 4.0);
    mean += shift * share;
    deviations += squares + shift * shift * (n * share);
    n += 4.0;
  }
  for (; step < u.steps; step += u.parts) {
    let shift = V(x[at]) - mean;
    at += stride;
    n += 1.0;
    mean += shift / n;
    deviations += shift * shift * ((n - 1.0) / n);
  }${store}
}
`;
  return {
    label: `groupNorm statistics ${dtype} ${shape.layout}`,
    code,
    bindings: [
      { name: 'x', dtype, access: 'read' },
      { name: 'parts', dtype: 'f32', access: 'read_write' },
    ],
    uniforms: uniforms.bytes,
    workgroups: Math.ceil(count / 64),
  };
}

function foldKernel(shape: GroupNormShape, parts: number, target: Target, variant: string): Kernel {
  const { B, P, C, G, eps } = shape;
  const { width, steps } = walk(shape);
  const perGroup = C / G;
  const uniforms = uniformBlock(2, {
    rows: u32(B * G),
    C: u32(C),
    G: u32(G),
    perGroup: u32(perGroup),
    parts: u32(parts),
    steps: u32(steps),
    eps: f32(eps),
    positions: f32(P),
    width: f32(shape.layout === 'channels-first' ? width : 1),
  });
  const sweep = rowSweep(variant, B * G, parts * perGroup, target, 'total');
  const code = /* wgsl */ `${sweep.enable}
@group(0) @binding(0) var<storage, read> parts: array<vec2f>;
@group(0) @binding(1) var<storage, read_write> moments: array<f32>;
${uniforms.wgsl}${workgroupIndexWGSL}${sweep.functions}
// Number of values in one entry of part j / perGroup, from its number of interleaved steps.
fn weightOf(j: u32) -> f32 {
  return u.width * f32((u.steps - j / u.perGroup + u.parts - 1u) / u.parts);
}
${sweep.open}
  let item = row / u.G;
  let channel = row % u.G * u.perGroup;
  let start = item * u.parts * u.C + channel;
  let entries = u.parts * u.perGroup;
  var sum = 0.0;
  for (var j = first; j < entries; j += step) {
    sum += weightOf(j) * parts[start + j / u.perGroup * u.C + j % u.perGroup].x;
  }
  let n = u.positions * f32(u.perGroup);
  let mean = total(sum, local) / n;
  var squares = 0.0;
  for (var j = first; j < entries; j += step) {
    let part = parts[start + j / u.perGroup * u.C + j % u.perGroup];
    squares += part.y + weightOf(j) * (part.x - mean) * (part.x - mean);
  }
  let factor = 1.0 / sqrt(total(squares, local) / n + u.eps);
  for (var c = first; c < u.perGroup; c += step) {
    moments[item * 2u * u.C + channel + c] = mean;
    moments[(item * 2u + 1u) * u.C + channel + c] = factor;
  }
}
`;
  return {
    label: `groupNorm fold ${variant}`,
    code,
    bindings: [
      { name: 'parts', dtype: 'f32', access: 'read' },
      { name: 'moments', dtype: 'f32', access: 'read_write' },
    ],
    uniforms: uniforms.bytes,
    workgroups: sweep.workgroups,
  };
}

function applyKernel(shape: GroupNormShape, parts: number, dtype: DType): Kernel {
  const { activation } = shape;
  const { width, outer, lanes } = walk(shape);
  const last = shape.layout === 'channels-last';
  const operands = [...(shape.weight ? ['weight'] : []), ...(shape.bias ? ['bias'] : [])];
  const uniforms = uniformBlock(3 + operands.length, walkUniforms(shape, parts));
  // Channels-last: four channels at once. Channels-first: four positions of one channel.
  const perChannel = last ? width : 1;
  const channelType = perChannel === 4 ? 'vec4f' : 'f32';
  const code = /* wgsl */ `${enableWGSL([dtype])}
${vectorWGSL(width)}@group(0) @binding(0) var<storage, read> x: array<${elementWGSL(dtype, width)}>;
@group(0) @binding(1) var<storage, read> moments: array<${channelType}>;
${operands.map((name, k) => `@group(0) @binding(${k + 2}) var<storage, read> ${name}: array<${elementWGSL(dtype, perChannel)}>;`).join('\n')}
@group(0) @binding(${operands.length + 2}) var<storage, read_write> out: array<${elementWGSL(dtype, width)}>;
${uniforms.wgsl}${workgroupIndexWGSL}${activationWGSL(activation, 'V')}${openWGSL}
  let channels = u.C / ${perChannel}u;
  let channel = ${last ? 'lane' : 'owner % u.C'};
  let item = ${last ? 'owner' : 'owner / u.C'} * 2u * channels + channel;
  let mean = moments[item];
  let factor = moments[item + channels]${shape.weight ? ` * ${channelType}(weight[channel])` : ''};
  let offset = ${shape.bias ? `${channelType}(bias[channel])` : `${channelType}()`};
  for (var step = part; step < u.steps; step += u.parts) {
    out[at] = ${elementWGSL(dtype, width)}(activate((V(x[at]) - mean) * factor + offset));
    at += stride;
  }
}
`;
  return {
    label: ['groupNorm apply', dtype, shape.layout, ...operands, activation].filter(Boolean).join(' '),
    code,
    bindings: [
      { name: 'x', dtype, access: 'read' },
      { name: 'moments', dtype: 'f32', access: 'read' },
      ...operands.map((name) => ({ name, dtype, access: 'read' as const })),
      { name: 'out', dtype, access: 'read_write' },
    ],
    uniforms: uniforms.bytes,
    workgroups: Math.ceil((outer * parts * lanes) / 64),
  };
}
