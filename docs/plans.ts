// What GPUs of 8, 16 and 24 GiB can do, by the library's own plans: writes docs/parts/memory.md, which a guide includes.
// `npm run docs:plans`; it takes some minutes, since each row runs the pipeline on the dry device.

import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parsePolicy, planGeneration } from 'moviegen';

/** Model, width, height, frames, types, and a bound on the transformer's weights in GiB. */
export const ROWS = [
  ['wan2.1-t2v-1.3b', 832, 480, 81, 'f16'],
  ['wan2.1-t2v-1.3b', 832, 480, 81, 'q8/f16'],
  ['wan2.1-t2v-1.3b', 832, 480, 81, 'q8/f16', 1],
  ['wan2.2-ti2v-5b', 832, 480, 81, 'q8/f16'],
  ['wan2.2-ti2v-5b', 1280, 704, 121, 'q8/f16'],
  ['wan2.2-ti2v-5b', 1280, 704, 121, 'q4/f16'],
  ['wan2.1-t2v-14b', 832, 480, 81, 'q4/f16'],
  ['wan2.1-t2v-14b', 832, 480, 81, 'q4/f16', 2],
  ['wan2.1-t2v-14b', 832, 480, 81, 'q8/f16'],
  ['wan2.1-t2v-14b', 832, 480, 81, 'q8/f16', 8],
  ['wan2.1-i2v-14b', 832, 480, 81, 'q4/f16'],
  ['wan2.1-i2v-14b', 832, 480, 81, 'q8/f16'],
  ['wan2.2-t2v-a14b', 832, 480, 81, 'q8/f16'],
  ['wan2.2-t2v-a14b', 1280, 720, 81, 'q4/f16'],
  ['1b', 768, 768, 128, 'f16'],
  ['5b', 768, 768, 128, 'q8/f16'],
  ['30b', 768, 768, 128, 'q4/f16', 8],
] as const;

/** GiB of the GPUs; a tenth is left to the system and the screen. */
const GPUS = [8, 16, 24];
const GiB = 2 ** 30;

const shown = (bytes: number): string => (bytes / GiB).toPrecision(3);

/** A line of the table, as Markdown. */
export async function planLine([
  model,
  width,
  height,
  numFrames,
  types,
  most,
]: (typeof ROWS)[number]): Promise<string> {
  const { memory } = await planGeneration(model, {
    ...{ width, height, numFrames, dtype: parsePolicy(types) },
    ...(most !== undefined && { maxMemory: most * GiB }),
  });
  const fits = GPUS.map((size) => (memory.peak <= 0.9 * size * GiB ? 'yes' : 'no'));
  const bound = most === undefined ? '' : `${most} GiB`;
  const what = `${model} | ${width}x${height}, ${numFrames} | ${types} | ${bound}`;
  return `| ${what} | ${shown(memory.weights)} | ${shown(memory.peak)} | ${fits.join(' | ')} |`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const lines: string[] = [
    `| \`plan\` | \`--size\`, \`--frames\` | \`--dtype\` | \`--max-memory\` | weights, GiB | peak, GiB | ${GPUS.map((size) => `${size} GiB`).join(' | ')} |`,
    `| --- | --- | --- | --- | --- | --- | ${GPUS.map(() => '---').join(' | ')} |`,
  ];
  for (const row of ROWS) {
    lines.push(await planLine(row));
    console.log(lines.at(-1));
  }
  await writeFile(join(dirname(fileURLToPath(import.meta.url)), 'parts/memory.md'), `${lines.join('\n')}\n`);
}
