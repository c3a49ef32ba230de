// What layerNorm and rmsNorm share: rows, operands, and what may follow the normalization inside the kernel:
// weight, bias, adaLN modulation z (1 + scale) + shift with one vector per batch item, and an activation.
// Legend: x, y [R, D], R rows in all; weight, bias [D]; shift, scale [B, D], [D], or two vectors per item or for all, between
// which a row's place in its item chooses.

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
import { elementWGSL, enableWGSL, type ItemRows, itemRowUniforms, itemRowWGSL, vectorWGSL } from '../wgsl.ts';
import { rowSweep, rowVariants } from './rows.ts';

/** Shape and fused parts of a norm over the last axis. */
export interface NormShape {
  readonly rows: number;
  readonly D: number;
  readonly eps: number;
  readonly weight?: boolean;
  readonly bias?: boolean;
  /** For the modulated form: which shift and scale go with a row. */
  readonly modulate?: ItemRows;
  readonly activation?: Activation;
  /** Type of x. Default: the type of the other operands and of the result. */
  readonly input?: DType;
}

/** Variants of a norm over the last axis, best first. */
export const normVariants = (target: Target): string[] => rowVariants(target);

/**
 * The kernel of a norm. Bindings: x, then weight, bias, shift and scale if present, then out.
 * @param statistics WGSL that declares `centre` (a number) and `factor`: y = (x - centre) * factor.
 */
export function normKernel(
  op: string,
  statistics: string,
  shape: NormShape,
  dtype: DType,
  target: Target,
  variant: string = normVariants(target)[0]!,
): Kernel {
  const { rows, D, eps, modulate, activation, input = dtype } = shape;
  const width = D % 4 === 0 ? 4 : 1;
  const columns = D / width;
  const operands = [
    'x',
    ...(shape.weight ? ['weight'] : []),
    ...(shape.bias ? ['bias'] : []),
    ...(modulate === undefined ? [] : ['shift', 'scale']),
  ];
  const uniforms = uniformBlock(operands.length + 1, {
    rows: u32(rows),
    D: u32(D),
    columns: u32(columns),
    eps: f32(eps),
    ...itemRowUniforms(modulate ?? { rowsPerItem: rows, each: 0 }),
  });
  const sweep = rowSweep(variant, rows, columns, target, 'total');
  const element = elementWGSL(dtype, width);
  const typeOf = (name: string) => (name === 'x' ? input : dtype);
  const code = /* wgsl */ `${enableWGSL([dtype])}${sweep.enable}
${vectorWGSL(width)}${operands.map((name, k) => `@group(0) @binding(${k}) var<storage, read> ${name}: array<${elementWGSL(typeOf(name), width)}>;`).join('\n')}
@group(0) @binding(${operands.length}) var<storage, read_write> out: array<${element}>;
${uniforms.wgsl}${workgroupIndexWGSL}${sweep.functions}${itemRowWGSL}${activationWGSL(activation, 'V')}
fn sumOf(v: V) -> f32 {
  return ${width === 4 ? 'dot(v, vec4f(1.0))' : 'v'};
}
${sweep.open}
  let start = row * u.columns;
${statistics}
  let item = itemRow(row) * u.columns;
  for (var k = first; k < u.columns; k += step) {
    var z = (V(x[start + k]) - centre) * factor;
    ${shape.weight ? 'z *= V(weight[k]);' : ''}
    ${shape.bias ? 'z += V(bias[k]);' : ''}
    ${modulate === undefined ? '' : 'z = z * (1.0 + V(scale[item + k])) + V(shift[item + k]);'}
    out[start + k] = ${element}(activate(z));
  }
}
`;
  const fused = [
    shape.weight && 'weight',
    shape.bias && 'bias',
    modulate !== undefined && 'modulate',
    activation,
  ].filter(Boolean);
  return {
    label: [op, ...(input === dtype ? [] : [`${input} to`]), dtype, variant, ...fused].join(' '),
    code,
    bindings: [
      ...operands.map((name) => ({ name, dtype: typeOf(name), access: 'read' as const })),
      { name: 'out', dtype, access: 'read_write' as const },
    ],
    uniforms: uniforms.bytes,
    workgroups: sweep.workgroups,
  };
}
