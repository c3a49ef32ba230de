// Convolution over one to three axes. Channels last, without groups and with a prepacked weight, it is
// an implicit matrix product: rows are output positions, k runs over taps and input channels, columns
// are output channels; nothing is unfolded in memory. Every other case goes through direct.ts.
// Frames that precede x may lie in a tensor of their own, `before`: pieces of a video are then convolved as the whole video.
// Legend: x [B, T, H, W, C], before [B, n, H, W, C], weight [O, C, taps] prepacked in blocks (pack.ts), bias [O], residual and y [B, T', H', W', O].
import { activationWGSL } from '../activation.ts';
import { type DType, type Kernel, type Target, u32, uniformBlock, workgroupIndexWGSL } from '../kernel.ts';
import { epilogueWGSL } from '../matmul/epilogue.ts';
import { loadPacked, type Product, packedWGSL } from '../matmul/product.ts';
import { tilingNames, tilingOf } from '../matmul/tiles.ts';
import { elementWGSL, enableWGSL, storageArray, storeRowWGSL, toF32 } from '../wgsl.ts';
import { type ConvShape, widened } from './shape.ts';
import { convUniforms, inputCoordinateWGSL } from './window.ts';

/** The parts that a convolution may fuse beside its activation. */
interface ConvParts {
  readonly bias: boolean;
  readonly residual: boolean;
}

const rowsOf = ({ batch, output: [t, h, w] }: ConvShape) => batch * t * h * w;

const needsOf = (shape: ConvShape, dtype: DType) => ({
  M: rowsOf(shape),
  N: shape.O,
  K: shape.C,
  dtype,
  costly: true,
});

/** Variants of the implicit product for this shape on this adapter, best first. */
export function convVariants(shape: ConvShape, target: Target, dtype: DType = 'f32'): string[] {
  return tilingNames(needsOf(widened(shape), dtype), target);
}

/**
 * The kernel of one convolution as an implicit product; `pitch` is the number of blocks in a row of packed weights.
 * Bindings: x, weight, bias, residual, out, [before]. An absent bias's or residual's binding takes any tensor.
 */
export function convKernel(
  given: ConvShape,
  pitch: number,
  parts: ConvParts,
  dtype: DType,
  target: Target,
  variant: string = convVariants(given, target, dtype)[0]!,
): Kernel {
  const shape = widened(given);
  const { C, O, kernel, before, input } = shape;
  if (!shape.channelsLast || shape.groups !== 1)
    throw new Error('internal: implicit conv is channels-last, without groups');
  const tile = tilingOf('conv', variant, needsOf(shape, dtype), target);
  const step = C % 4 === 0 ? 4 : 1;
  const wideC = O % 4 === 0;
  const M = rowsOf(shape);
  const columns = Math.ceil(O / 4);
  const { tilesM, tilesN } = tile.count(M, columns);
  const epilogue = epilogueWGSL(2, parts, dtype, wideC);
  const earlier = before > 0;
  const uniforms = uniformBlock(earlier ? 6 : 5, {
    ...convUniforms(shape),
    ...(earlier && { earlier: u32(before * input[1] * input[2]) }),
    M: u32(M),
    N: u32(O),
    C: u32(C),
    taps: u32(kernel[0] * kernel[1] * kernel[2]),
    tilesM: u32(tilesM),
    tilesN: u32(tilesN),
    tiles: u32(tilesM * tilesN),
    columns: u32(columns),
    pitch: u32(pitch),
    blocks: u32(Math.ceil(C / 4)),
    ...epilogue.uniforms,
  });
  const product: Product = {
    declarations: /* wgsl */ `${enableWGSL(dtype, tile.subgroups)}
@group(0) @binding(0) var<storage, read> x: ${storageArray(dtype, step === 4)};
${packedWGSL(1, dtype, step)}
${epilogue.declarations}
@group(0) @binding(4) var<storage, read_write> out: ${storageArray(dtype, wideC)};
${earlier ? beforeWGSL(dtype, step === 4) : ''}${uniforms.wgsl}${workgroupIndexWGSL}${activationWGSL(shape.activation)}${inputCoordinateWGSL}`,
    step,
    setup: 'let outputs = u.outT * u.outH * u.outW;',
    rowSetup: (i) => `let batch${i} = row${i} / outputs;
  let corner${i} = corner(row${i} - batch${i} * outputs);
  let item${i} = batch${i} * (u.inT * u.inH * u.inW);`,
    taps: {
      count: 'u.taps',
      setup: (rows) => `let offset = offsetOf(tap);
    let firstBlock = tap * u.blocks;
    ${rows.map((i) => `let met${i} = meet(corner${i} + offset);`).join('\n    ')}
    ${rows.map((i) => (earlier ? eitherWGSL(i, step) : `let x${i} = (item${i} + met${i}.index) * (u.C / ${step}u);`)).join('\n    ')}`,
    },
    depth: `u.C / ${step}u`,
    loadA: (i, k, asStored) => {
      const value = earlier ? `either(early${i}, x${i} + ${k})` : `x[x${i} + ${k}]`;
      if (asStored) return `select(vec4<${dtype}>(), ${value}, met${i}.inside)`;
      const zero = step === 4 ? 'vec4f()' : '0.0';
      return `select(${zero}, ${toF32(dtype, value, step === 4)}, met${i}.inside)`;
    },
    loadB: loadPacked(dtype, step, 'firstBlock'),
    vectorsPerResult: 1,
    result: (c) => c(0),
    column: epilogue.column,
    finish: epilogue.finish,
    adds: epilogue.adds,
    store: storeRowWGSL(dtype, wideC, 'row'),
  };
  return {
    label: ['conv', dtype, variant, shape.activation, earlier && 'before'].filter(Boolean).join(' '),
    code: tile.wgsl(product),
    bindings: [
      { name: 'x', dtype, access: 'read' },
      { name: 'weight', dtype, access: 'read' },
      ...epilogue.bindings,
      { name: 'out', dtype, access: 'read_write' },
      ...(earlier ? [{ name: 'before', dtype, access: 'read' as const }] : []),
    ],
    uniforms: uniforms.bytes,
    workgroups: tilesM * tilesN,
    flops: 2 * M * O * C * kernel[0] * kernel[1] * kernel[2],
  };
}

/** The frames before x, and a read of either tensor. */
const beforeWGSL = (dtype: DType, wide: boolean): string => /* wgsl */ `
@group(0) @binding(5) var<storage, read> before: ${storageArray(dtype, wide)};
fn either(early: bool, at: u32) -> ${elementWGSL(dtype, wide ? 4 : 1)} {
  if (early) { return before[at]; }
  return x[at];
}
`;

/** In which tensor row `i` meets a tap, and where. `item{i}` counts the frames of both. */
const eitherWGSL = (i: number, step: 1 | 4): string => `let early${i} = met${i}.index < u.earlier;
    let place${i} = select(item${i} - (batch${i} + 1u) * u.earlier, batch${i} * u.earlier, early${i});
    let x${i} = (place${i} + met${i}.index) * (u.C / ${step}u);`;
