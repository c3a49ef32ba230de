// Convolution over one to three axes. Channels last, without groups and with a prepacked weight, it is
// an implicit matrix product: rows are output positions, k runs over taps and input channels, columns
// are output channels; nothing is unfolded in memory. All else goes through convDirect.ts.
// Legend: x [B, T, H, W, C], weight [taps, C, pitch] (pack.ts), bias [O], residual and y [B, T', H', W', O].
import { activationWGSL } from './activation.ts';
import type { ConvShape } from './convShape.ts';
import { convUniforms, inputCoordinateWGSL } from './convWindow.ts';
import { type DType, type Kernel, type Target, u32, uniformBlock, workgroupIndexWGSL } from './kernel.ts';
import { epilogueWGSL } from './linearEpilogue.ts';
import { enableWGSL, storageArray, storeRowWGSL, toF32 } from './matmulStorage.ts';
import { type Product, registerTileWGSL } from './matmulTile.ts';
import { registerTileNames, registerTileOf } from './matmulTiles.ts';

/** The parts that a convolution may fuse beside its activation. */
export interface ConvParts {
  readonly bias: boolean;
  readonly residual: boolean;
}

const rowsOf = ({ batch, output: [t, h, w] }: ConvShape) => batch * t * h * w;

/** Variants of the implicit product for this shape on this adapter, best first. */
export function convVariants(shape: ConvShape, target: Target): string[] {
  return registerTileNames(rowsOf(shape), target);
}

/**
 * The kernel of one convolution as an implicit product; `pitch` counts the numbers of a packed row.
 * Bindings: x, weight, [bias], [residual], out.
 */
export function convKernel(
  shape: ConvShape,
  pitch: number,
  parts: ConvParts,
  dtype: DType,
  target: Target,
  variant: string = convVariants(shape, target)[0]!,
): Kernel {
  const { C, O, kernel } = shape;
  if (!shape.channelsLast || shape.groups !== 1)
    throw new Error('internal: implicit conv is channels-last, without groups');
  const tile = registerTileOf('conv', variant, target);
  const wideA = C % 4 === 0;
  const wideC = O % 4 === 0;
  const step = wideA ? 4 : 1;
  const M = rowsOf(shape);
  const columns = Math.ceil(O / 4);
  const tilesM = Math.ceil(M / tile.rows);
  const tilesN = Math.ceil(columns / (tile.lanes * tile.vectors));
  const epilogue = epilogueWGSL(2, { ...parts, gate: false }, dtype, wideC);
  const out = 2 + epilogue.bindings.length;
  const uniforms = uniformBlock(out + 1, {
    ...convUniforms(shape),
    M: u32(M),
    N: u32(O),
    C: u32(C),
    taps: u32(kernel[0] * kernel[1] * kernel[2]),
    tilesM: u32(tilesM),
    tilesN: u32(tilesN),
    tiles: u32(tilesM * tilesN),
    columns: u32(columns),
    pitch: u32(pitch / 4),
  });
  const zero = wideA ? 'vec4f()' : '0.0';
  const product: Product = {
    declarations: /* wgsl */ `${enableWGSL(dtype, tile.subgroup)}
@group(0) @binding(0) var<storage, read> x: ${storageArray(dtype, wideA)};
@group(0) @binding(1) var<storage, read> weight: ${storageArray(dtype, true)};
${epilogue.declarations}
@group(0) @binding(${out}) var<storage, read_write> out: ${storageArray(dtype, wideC)};
${uniforms.wgsl}${workgroupIndexWGSL}${activationWGSL(shape.activation)}${inputCoordinateWGSL}`,
    step,
    rowSetup: (i) => `  let corner${i} = corner(row${i} % outputs);
  let item${i} = row${i} / outputs * (u.inT * u.inH * u.inW);`,
    beforeRows: 'let outputs = u.outT * u.outH * u.outW;',
    openTaps: (rows) => `for (var tap = 0u; tap < u.taps; tap++) {
    let offset = offsetOf(tap);
    ${rows.map((i) => `let met${i} = meet(corner${i} + offset);`).join('\n    ')}
    ${rows.map((i) => `let x${i} = (item${i} + met${i}.index) * (u.C / ${step}u);`).join('\n    ')}`,
    closeTaps: '}',
    steps: `u.C / ${step}u`,
    loadA: (i) => `select(${zero}, ${toF32(dtype, `x[x${i} + k]`, wideA)}, met${i}.inside)`,
    startB: 'var w = column;',
    prepareB: () => '',
    loadB: (j, e) => toF32(dtype, `weight[w + ${e}u * u.pitch + ${j}u]`, true),
    advanceB: `w += ${step}u * u.pitch;`,
    results: tile.vectors,
    result: (j, c) => c[j]!,
    store: `${epilogue.apply}\n      ${storeRowWGSL(dtype, wideC, 'row')}`,
  };
  const fused = [shape.activation, ...epilogue.bindings.map(({ name }) => name)].filter(Boolean).join('+');
  return {
    label: `conv ${dtype} ${variant}${fused && ` ${fused}`}`,
    code: registerTileWGSL(tile, product),
    bindings: [
      { name: 'x', dtype, access: 'read' },
      { name: 'weight', dtype, access: 'read' },
      ...epilogue.bindings,
      { name: 'out', dtype, access: 'read_write' },
    ],
    uniforms: uniforms.bytes,
    workgroups: tilesM * tilesN,
  };
}
