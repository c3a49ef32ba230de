// `node bench/dist/load/main.js`: loading beside its bounds. Speed: at 80% of the slower of a plain read of the files
// and the adapter's upload. Host memory: twice the largest tensor and 64 MiB above idle.

import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { DTYPES, type SafetensorsDType } from '@moviegen/safetensors';
import { Command, Option } from 'commander';
import { writeCheckpoint } from './checkpoint.ts';

const program = new Command('node bench/dist/load/main.js')
  .description('Time loading and measure its host memory on this adapter (MOVIEGEN_ADAPTER chooses).')
  .option('--mib <n>', 'size of the checkpoint', Number, 512)
  .option('--tensor-mib <n>', 'size of each of its tensors', Number, 32)
  .addOption(new Option('--dtype <type>', 'type in the file').choices(DTYPES).default('F32'))
  .option('--rounds <n>', 'rounds of the timing; the best of each counts', Number, 3)
  .option('--sums', 'verify SHA256SUMS too', false)
  .option('--json', 'print one JSON document', false)
  .parse();
const { mib, tensorMib, dtype, rounds, sums, json } = program.opts<{
  readonly mib: number;
  readonly tensorMib: number;
  readonly dtype: SafetensorsDType;
  readonly rounds: number;
  readonly sums: boolean;
  readonly json: boolean;
}>();

const MIB = 2 ** 20;
const child = fileURLToPath(new URL('./child.js', import.meta.url));
const folder = await mkdtemp(join(tmpdir(), 'moviegen-load-'));
try {
  const tensors = Math.max(1, Math.round(mib / tensorMib));
  const fileBytes = tensors * tensorMib * MIB;
  await writeCheckpoint(folder, {
    tensors,
    tensorBytes: tensorMib * MIB,
    dtype,
    shards: Math.min(2, tensors),
  });
  const measured = async (mode: string) => {
    const args = ['--expose-gc', child, mode, folder, String(rounds), sums ? 'sums' : ''];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    return JSON.parse(stdout.trim().split('\n').at(-1)!);
  };
  const memory = await measured('memory');
  const speed = await measured('speed');
  const most = 2 * tensorMib * MIB + 64 * MIB;
  const report = { dtype, fileBytes, sums, memory: { ...memory, most }, speed };
  if (json) console.log(JSON.stringify(report, null, 1));
  else {
    const rate = (bytes: number, seconds: number) => `${(bytes / seconds / 1e9).toFixed(2)} GB/s`;
    const mebibytes = (bytes: number) => `${(bytes / MIB).toFixed(0)} MiB`;
    console.log(`adapter: ${speed.adapter}`);
    console.log(
      `${mebibytes(fileBytes)} of ${dtype} in ${tensors} tensors, f32 on the device${sums ? ', SHA256SUMS verified' : ''}`,
    );
    console.log(
      `read ${rate(fileBytes, speed.read)}, upload ${rate(speed.deviceBytes, speed.upload)}, load ${speed.load.toFixed(2)} s: ` +
        `${Math.round(100 * speed.share)}% of the slower (bound 80%)`,
    );
    const less = memory.software
      ? `: resident ${mebibytes(memory.peak)} less idle ${mebibytes(memory.idle)} less ${mebibytes(memory.deviceBytes)} of the device's buffers, which here are host memory`
      : '';
    console.log(`host memory ${mebibytes(memory.host)} above idle (bound ${mebibytes(most)})${less}`);
  }
  if (memory.host > most || speed.share < 0.8) process.exitCode = 1;
} finally {
  await rm(folder, { recursive: true });
}
