// WebGPU takes at most 65,535 workgroups per dimension. A longer line is folded into a plane or a block;
// `workgroupIndex` in the kernels' WGSL computes the position on the line again.

/**
 * Workgroups in x, y and z that cover `count` on a line, none beyond `max`. The product may exceed
 * `count`, by less than y * z; kernels return past their count.
 * @throws where even `max` cubed does not reach `count`.
 */
export function fold(count: number, max: number): [x: number, y: number, z: number] {
  if (!Number.isSafeInteger(count)) throw new Error(`internal: ${count} workgroups`);
  if (count <= max) return [count, 1, 1];
  const rows = Math.ceil(count / max);
  const z = Math.ceil(rows / max);
  if (z > max) throw new Error(`internal: ${count} workgroups do not fit ${max} per dimension`);
  const y = Math.ceil(rows / z);
  return [Math.ceil(count / (y * z)), y, z];
}
