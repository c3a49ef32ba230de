// out[i] = f(a[i], b[i], ...) for any number of operands that broadcast: the loop that activations,
// arithmetic and updates share. Operands with the shape of the output are read four numbers at a time.

import { type DType, type i32, type Kernel, u32, uniformBlock, workgroupIndexWGSL } from '../kernel.ts';
import { broadcastStrides, collapse, sizeOf, walkWGSL } from '../shape.ts';
import { eachWGSL, eachWorkgroups, elementWGSL, enableWGSL, vectorWGSL } from '../wgsl.ts';

/** An elementwise op as data. */
export interface Elementwise {
  readonly label: string;
  readonly shape: readonly number[];
  /** Operands in binding order; their shapes broadcast to `shape`. */
  readonly inputs: Readonly<Record<string, { readonly shape: readonly number[]; readonly dtype: DType }>>;
  readonly dtype: DType;
  /** Numbers that can change without a new shader: `u.<name>`. */
  readonly scalars?: Readonly<Record<string, ReturnType<typeof i32>>>;
  /** WGSL functions that `value` calls. */
  readonly functions?: string;
  /** WGSL expression of the result, from the operands by name. Result and operands have type V: one number or four, f32, or the result's type if that is i32 or u32. */
  readonly value: string;
}

/** The kernel of an elementwise op. Bindings: the inputs in order, then `out`. */
export function elementwiseKernel(op: Elementwise): Kernel {
  const { shape, dtype, scalars = {}, functions = '' } = op;
  const size = sizeOf(shape);
  const names = Object.keys(op.inputs);
  const broadcast = names.filter((name) => sizeOf(op.inputs[name]!.shape) !== size);
  const walked = collapse(shape, [
    ...broadcast.map((name) => broadcastStrides(op.inputs[name]!.shape, shape)),
    broadcastStrides(shape, shape),
  ]);
  const rank = walked.shape.length;
  const inner = broadcast.length > 0 ? walked.shape[rank - 1]! : size;
  const width = inner % 4 === 0 ? 4 : 1;
  const number = dtype === 'i32' || dtype === 'u32' ? dtype : 'f32';
  const stored = (type: DType) => elementWGSL(type, width);

  const uniforms = uniformBlock(names.length + 1, {
    count: u32(size / width),
    ...Object.fromEntries(broadcast.length > 0 ? walked.shape.map((n, axis) => [`n${axis}`, u32(n)]) : []),
    ...Object.fromEntries(
      broadcast.flatMap((name, k) =>
        walked.strides[k]!.map((stride, axis) => [`${name}_${axis}`, u32(stride)]),
      ),
    ),
    ...scalars,
  });
  const declared = names.map((name, k) => {
    const type = op.inputs[name]!.dtype;
    const element = broadcast.includes(name) ? type : stored(type);
    return `@group(0) @binding(${k}) var<storage, read> ${name}: array<${element}>;`;
  });
  // A broadcast operand is read number by number along the innermost axis, because its stride there may be 0.
  const reads = broadcast.map((name) => {
    const step = `u.${name}_${rank - 1}`;
    const four = [0, 1, 2, 3].map((c) => `${number}(${name}[at + ${c}u * ${step}])`).join(', ');
    return `fn read_${name}(i: u32) -> V {
  var rest = i * ${width}u;
  var at = 0u;
${walkWGSL(rank, { at: `${name}_` })}
  return ${width === 4 ? `V(${four})` : `V(${name}[at])`};
}`;
  });
  const operands = names.map((name) => (broadcast.includes(name) ? `read_${name}(i)` : `V(${name}[i])`));

  const code = /* wgsl */ `${enableWGSL([dtype, ...names.map((name) => op.inputs[name]!.dtype)])}
${vectorWGSL(width, number)}${declared.join('\n')}
@group(0) @binding(${names.length}) var<storage, read_write> out: array<${stored(dtype)}>;
${uniforms.wgsl}${workgroupIndexWGSL}${functions}
${reads.join('\n')}
fn value(${names.map((name) => `${name}: V`).join(', ')}) -> V {
  return ${op.value};
}

${eachWGSL('u.count', `out[i] = ${stored(dtype)}(value(${operands.join(', ')}));`)}`;
  const others = new Set(names.map((name) => op.inputs[name]!.dtype).filter((type) => type !== dtype));
  return {
    label: `${[op.label, ...others, dtype].join(' ')}${broadcast.length > 0 ? ` broadcast ${rank}` : ''}`,
    code,
    bindings: [
      ...names.map((name) => ({ name, dtype: op.inputs[name]!.dtype, access: 'read' as const })),
      { name: 'out', dtype, access: 'read_write' as const },
    ],
    uniforms: uniforms.bytes,
    workgroups: eachWorkgroups(size / width),
  };
}
