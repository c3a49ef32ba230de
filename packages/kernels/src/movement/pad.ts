// y = x with elements added before and after along each axis: a constant, or the nearest element of x.

import { type DType, type Kernel, u32, uniformBlock, uniformOf, workgroupIndexWGSL } from '../kernel.ts';
import { sizeOf } from '../shape.ts';
import { eachWGSL, eachWorkgroups, elementWGSL, enableWGSL } from '../wgsl.ts';

/** What the added elements are. */
export type PadMode = 'constant' | 'replicate';

/** The kernel of a padding; `pads` holds [before, after] per axis. Bindings: x, out. */
export function padKernel(
  shape: readonly number[],
  pads: readonly (readonly [number, number])[],
  mode: PadMode,
  value: number,
  dtype: DType,
): Kernel {
  const axes = mergeUnpadded(shape, pads);
  const last = axes.length - 1;
  // The innermost axis is copied four elements at a time if it is not padded.
  const width = axes[last]!.before + axes[last]!.after === 0 && axes[last]!.n % 4 === 0 ? 4 : 1;
  axes[last]!.n /= width;
  const count = sizeOf(axes.map(({ n, before, after }) => before + n + after));

  const uniforms = uniformBlock(2, {
    count: u32(count),
    ...Object.fromEntries(
      axes.flatMap(({ n, before, after }, axis) => [
        [`n${axis}`, u32(n)],
        [`before${axis}`, u32(before)],
        [`whole${axis}`, u32(before + n + after)],
      ]),
    ),
    value: uniformOf(dtype, value),
  });
  const element = elementWGSL(dtype, width);
  const steps = axes.map((_, axis) => axis).reverse();
  const code = /* wgsl */ `${enableWGSL([dtype])}
@group(0) @binding(0) var<storage, read> x: array<${element}>;
@group(0) @binding(1) var<storage, read_write> out: array<${element}>;
${uniforms.wgsl}${workgroupIndexWGSL}
fn padded(i: u32) -> ${element} {
  var rest = i;
  var at = 0u;
  var stride = 1u;
  var inside = true;
${steps
  .map(
    (axis) => `  {
    let p = i32(rest % u.whole${axis}) - i32(u.before${axis});
    let c = clamp(p, 0, i32(u.n${axis}) - 1);
    inside = inside && p == c;
    at += u32(c) * stride;
    stride *= u.n${axis};
    rest /= u.whole${axis};
  }`,
  )
  .join('\n')}
  ${mode === 'constant' ? `if (!inside) { return ${element}(${dtype}(u.value)); }` : ''}
  return x[at];
}
${eachWGSL('u.count', 'out[i] = padded(i);')}`;
  return {
    label: `pad ${mode} ${dtype} rank ${axes.length}`,
    code,
    bindings: [
      { name: 'x', dtype, access: 'read' },
      { name: 'out', dtype, access: 'read_write' },
    ],
    uniforms: uniforms.bytes,
    workgroups: eachWorkgroups(count),
  };
}

interface PaddedAxis {
  n: number;
  readonly before: number;
  readonly after: number;
}

/** Merges neighbouring axes without padding into one. */
function mergeUnpadded(shape: readonly number[], pads: readonly (readonly [number, number])[]): PaddedAxis[] {
  const axes: PaddedAxis[] = [];
  shape.forEach((n, axis) => {
    const [before, after] = pads[axis]!;
    const previous = axes.at(-1);
    const free = before + after === 0;
    if (free && previous && previous.before + previous.after === 0) previous.n *= n;
    else axes.push({ n, before, after });
  });
  return axes.length > 0 ? axes : [{ n: 1, before: 0, after: 0 }];
}
