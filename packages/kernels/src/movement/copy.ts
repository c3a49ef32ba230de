// out[to(i)] = x[from(i)]: a copy between two strided walks of one index space. Slice, concat, permute and
// nearest upsampling are such copies with their own strides. The copy moves elements and does not compute with them.

import { type DType, type Kernel, u32, uniformBlock, workgroupIndexWGSL } from '../kernel.ts';
import { collapse, sizeOf, walkWGSL } from '../shape.ts';
import { eachWGSL, eachWorkgroups, elementWGSL, enableWGSL } from '../wgsl.ts';

/** Where a walk of the index space touches a buffer, in elements. A stride of 0 repeats elements. */
export interface Walk {
  readonly start: number;
  readonly strides: readonly number[];
}

/** The kernel of a strided copy of `shape` elements. Bindings: x, out. */
export function copyKernel(
  label: string,
  shape: readonly number[],
  from: Walk,
  to: Walk,
  dtype: DType,
): Kernel {
  const walked = collapse(shape, [from.strides, to.strides]);
  const rank = walked.shape.length;
  const [read, write] = walked.strides as [number[], number[]];
  // Four at a time if the innermost axis is contiguous in both buffers and everything else is a multiple of four.
  const outer = [...read.slice(0, -1), ...write.slice(0, -1), from.start, to.start, walked.shape[rank - 1]!];
  const wide = read[rank - 1] === 1 && write[rank - 1] === 1 && outer.every((n) => n % 4 === 0);
  const width = wide ? 4 : 1;
  const inner = (n: number, axis: number) => u32(axis === rank - 1 ? n : n / width);
  const count = sizeOf(shape) / width;

  const uniforms = uniformBlock(2, {
    count: u32(count),
    readStart: u32(from.start / width),
    writeStart: u32(to.start / width),
    ...Object.fromEntries(
      walked.shape.map((n, axis) => [`n${axis}`, u32(axis === rank - 1 ? n / width : n)]),
    ),
    ...Object.fromEntries(read.map((n, axis) => [`read${axis}`, inner(n, axis)])),
    ...Object.fromEntries(write.map((n, axis) => [`write${axis}`, inner(n, axis)])),
  });
  const element = elementWGSL(dtype, width);
  const code = /* wgsl */ `${enableWGSL([dtype])}
@group(0) @binding(0) var<storage, read> x: array<${element}>;
@group(0) @binding(1) var<storage, read_write> out: array<${element}>;
${uniforms.wgsl}${workgroupIndexWGSL}
fn copyOne(i: u32) {
  var rest = i;
  var readAt = u.readStart;
  var writeAt = u.writeStart;
${walkWGSL(rank, { readAt: 'read', writeAt: 'write' })}
  out[writeAt] = x[readAt];
}
${eachWGSL('u.count', 'copyOne(i);')}`;
  return {
    label: `${label} ${dtype} rank ${rank}`,
    code,
    bindings: [
      { name: 'x', dtype, access: 'read' },
      { name: 'out', dtype, access: 'read_write' },
    ],
    uniforms: uniforms.bytes,
    workgroups: eachWorkgroups(count),
  };
}
