// A plan as text for a terminal.

import type { OpCosts } from './costs.ts';
import type { GenerationPlan } from './plan.ts';
import { bytes, operations } from './units.ts';

/** Lines of a plan. */
export function planTable(plan: GenerationPlan): string {
  const { video, latentShape, weights, flops, memory, limits, seconds, ceilings, problems } = plan;
  const [C, T, H, W] = latentShape;
  const guidance = plan.guidance === 'none' ? 'no guidance' : `guidance ${plan.guidance}`;
  const dtype =
    typeof plan.dtype === 'string'
      ? plan.dtype
      : Object.entries(plan.dtype)
          .map((pair) => pair.join('='))
          .join(',');
  const largest = Math.max(...memory.phases.map(({ largestBuffer }) => largestBuffer));
  const lines = [
    `${plan.model}: ${video.width}x${video.height}, ${video.numFrames} frames, ${dtype}, ${plan.steps} steps, ${guidance}`,
    `adapter      ${plan.adapter}`,
    `latents      ${C} channels, ${T}x${H}x${W}`,
    `tokens       ${whole(plan.tokens)}${plan.windows ? ` in each of ${whole(plan.windows.count)} windows of ${plan.windows.shape.slice(1).join('x')}` : ''}${plan.parts ? ` in each of ${whole(plan.parts)} parts` : ''}`,
    '',
    `weights      ${bytes(memory.weights)} on the device`,
    ...weights.map(
      ({ part, dtype: type, parameters, bytes: size }) =>
        `  ${part.padEnd(11)}${type.padEnd(5)}${`${(parameters / 1e9).toFixed(3)} G`.padStart(10)}  ${bytes(size).padStart(10)}`,
    ),
    '',
    `operations   ${operations(flops.total)}, one velocity ${operations(flops.velocity)}`,
    ...Object.entries(flops.parts).flatMap(([part, ops]) => partLines(part, ops, flops.total)),
    '',
    `memory       ${bytes(memory.peak)} at most`,
    ...memory.phases.map(
      ({ phase, peak, activations }) =>
        `  ${phase.padEnd(20)}${bytes(peak).padStart(10)}, beyond the weights ${bytes(activations)}`,
    ),
    ...(memory.host === undefined ? [] : [`host         ${bytes(memory.host)} of latents`]),
    `buffers      the largest has ${bytes(largest)}; this adapter allows ${bytes(limits.buffer)}, and ${bytes(limits.binding)} per binding`,
  ];
  if (seconds && ceilings) {
    const { f32, subgroupMatrix } = ceilings.flops;
    const matrices = subgroupMatrix ? `, ${operations(subgroupMatrix)}/s in f16 matrices` : '';
    lines.push(
      '',
      `time         ${duration(seconds.total)} at least: text ${duration(seconds.text)}, transformer ${duration(seconds.dit)}, decoding ${duration(seconds.tae)}`,
      `  at this adapter's measured ${operations(f32)}/s${matrices}, ${bytes(ceilings.copyBytes)}/s copied`,
    );
  }
  lines.push('', problems.length === 0 ? 'fits this adapter’s limits' : 'does not fit:');
  for (const problem of problems) lines.push(`  ${problem}`);
  return lines.join('\n');
}

function partLines(part: string, ops: Readonly<Record<string, OpCosts>>, total: number): string[] {
  return Object.entries(ops)
    .filter(([, { flops }]) => flops > 0)
    .map(([op, { flops, dispatches }]) => {
      const share = `${((100 * flops) / total).toFixed(1)} %`.padStart(8);
      return `  ${part.padEnd(5)} ${op.padEnd(10)} ${operations(flops).padStart(12)} ${share}  ${whole(dispatches)} dispatches`;
    });
}

const whole = (n: number): string => Math.round(n).toLocaleString('en-US');

function duration(seconds: number): string {
  if (seconds < 120) return `${seconds.toPrecision(2)} s`;
  if (seconds < 2 * 3600) return `${(seconds / 60).toPrecision(3)} min`;
  return seconds < 72 * 3600 ? `${(seconds / 3600).toPrecision(3)} h` : `${whole(seconds / 86400)} days`;
}
