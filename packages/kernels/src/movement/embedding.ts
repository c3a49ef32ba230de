// y[i] = table[ids[i]], a row of D numbers; an id outside the table gives a row of zeros. The table may be a part
// of a larger table: then the rows of y whose ids belong to other parts are not written.
// Legend: table [V, D], ids [L] of i32 or u32, y [L, D].

import { type DType, type Kernel, u32, uniformBlock, workgroupIndexWGSL } from '../kernel.ts';
import { eachWGSL, eachWorkgroups, elementWGSL, enableWGSL } from '../wgsl.ts';

/** Sizes of an embedding. */
export interface EmbeddingShape {
  readonly V: number;
  readonly D: number;
  readonly L: number;
  /** If the table is a part: the id of its first row, and the number of ids in all parts. Default 0 and V. */
  readonly first?: number;
  readonly of?: number;
}

/** The kernel of an embedding. Bindings: table, ids, out. */
export function embeddingKernel(
  { V, D, L, first = 0, of = V }: EmbeddingShape,
  dtype: DType,
  ids: 'i32' | 'u32',
): Kernel {
  const width = D % 4 === 0 ? 4 : 1;
  const uniforms = uniformBlock(3, {
    count: u32((L * D) / width),
    V: u32(V),
    first: u32(first),
    known: u32(of),
    columns: u32(D / width),
  });
  const element = elementWGSL(dtype, width);
  const code = /* wgsl */ `${enableWGSL([dtype])}
@group(0) @binding(0) var<storage, read> table: array<${element}>;
@group(0) @binding(1) var<storage, read> ids: array<${ids}>;
@group(0) @binding(2) var<storage, read_write> out: array<${element}>;
${uniforms.wgsl}${workgroupIndexWGSL}
fn lookUp(i: u32) {
  let id = u32(ids[i / u.columns]); // a negative id becomes a large number
  if (id >= u.known) {
    out[i] = ${element}();
  } else if (id >= u.first && id - u.first < u.V) {
    out[i] = table[(id - u.first) * u.columns + i % u.columns];
  }
}
${eachWGSL('u.count', 'lookUp(i);')}`;
  return {
    label: `embedding ${dtype} ${ids}`,
    code,
    bindings: [
      { name: 'table', dtype, access: 'read' },
      { name: 'ids', dtype: ids, access: 'read' },
      { name: 'out', dtype, access: 'read_write' },
    ],
    uniforms: uniforms.bytes,
    workgroups: eachWorkgroups((L * D) / width),
  };
}
