// `npm run bench:load`: loading beside its bounds, by the type in the file. Speed: at least 80% of the slower
// of a plain read of the files and the adapter's upload. A software adapter decodes floats on the cores that read the
// files, so there the bound holds for F32 only, and the other types are reported. Host memory: at most twice the largest
// tensor and 64 MiB above idle; on a software adapter the device's buffers are host memory too and are subtracted.

import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { DTYPES, type SafetensorsDType } from '@moviegen/safetensors';
import { Command, Option } from 'commander';
import { tableOf } from '../table.ts';
import { writeCheckpoint } from './checkpoint.ts';

const program = new Command('npm run bench:load --')
  .description('Time loading as f32 and measure its host memory on this adapter (MOVIEGEN_ADAPTER chooses).')
  .option('--mib <n>', 'size of the checkpoint', Number, 512)
  .option('--tensor-mib <n>', 'size of each of its tensors', Number, 32)
  .addOption(
    new Option('--dtype <types...>', 'types in the file')
      .choices(DTYPES)
      .default(['F32', 'F16', 'BF16', 'F8_E4M3', 'F8_E5M2', 'F64']),
  )
  .option('--rounds <n>', 'rounds of the timing', Number, 3)
  .option('--sums', 'verify SHA256SUMS too', false)
  .option('--cold', "read from the disk each time, not from the system's cache of it (Linux)", false)
  .option('--json', 'print one JSON document', false)
  .parse();
const { mib, tensorMib, dtype, rounds, sums, cold, json } = program.opts<{
  readonly mib: number;
  readonly tensorMib: number;
  readonly dtype: readonly SafetensorsDType[];
  readonly rounds: number;
  readonly sums: boolean;
  readonly cold: boolean;
  readonly json: boolean;
}>();

/** Seconds of one pass over the checkpoint, by part. */
interface Seconds {
  readonly read: number;
  readonly upload: number;
  readonly load: number;
}
interface Speed extends Seconds {
  readonly adapter: string;
  readonly software: boolean;
  /** Bytes that a load hands to the device. */
  readonly uploadBytes: number;
  readonly cpu: Seconds;
  readonly share: number;
  readonly medianShare: number;
}
interface Memory {
  readonly host: number;
}

const MIB = 2 ** 20;
const tensors = Math.max(1, Math.round(mib / tensorMib));
const fileBytes = tensors * tensorMib * MIB;
const most = 2 * tensorMib * MIB + 64 * MIB;
const child = fileURLToPath(new URL('./child.ts', import.meta.url));

/** What one type's checkpoint takes. */
async function measure(type: SafetensorsDType): Promise<{ speed: Speed; memory: Memory }> {
  const folder = await mkdtemp(join(tmpdir(), 'moviegen-load-'));
  try {
    const shards = Math.min(2, tensors);
    await writeCheckpoint(folder, { tensors, tensorBytes: tensorMib * MIB, dtype: type, shards });
    const measured = async (mode: string) => {
      const flags = [sums && 'sums', cold && 'cold'].filter((flag) => typeof flag === 'string');
      const args = [mode, folder, String(rounds), ...flags];
      const node = [...process.execArgv, '--expose-gc', child, ...args]; // from source, like this process
      const { stdout } = await promisify(execFile)(process.execPath, node);
      return JSON.parse(stdout.trim().split('\n').at(-1)!);
    };
    return { memory: await measured('memory'), speed: await measured('speed') };
  } finally {
    await rm(folder, { recursive: true });
  }
}

const report: { dtype: SafetensorsDType; speed: Speed; memory: Memory }[] = [];
for (const type of dtype) report.push({ dtype: type, ...(await measure(type)) });

if (json) console.log(JSON.stringify({ fileBytes, sums, cold, mostHostBytes: most, report }, null, 1));
else {
  const rate = (bytes: number, seconds: number) => (bytes / seconds / 1e9).toFixed(2);
  const percent = (share: number) => `${Math.round(100 * share)}%`;
  const seconds = ({ read, upload, load }: Seconds) =>
    [read, upload, load].map((s) => s.toFixed(2)).join(' ');
  console.log(`adapter: ${report[0]!.speed.adapter}`);
  console.log(
    `${mib} MiB in ${tensors} tensors, f32 on the device${sums ? ', SHA256SUMS verified' : ''}; GB/s of a plain read of the ` +
      `files${cold ? ' from the disk' : ''}, of an upload of what loading hands over, and of the files while loading`,
  );
  const head = ['type', 'handed over', 'read', 'upload', 'load'];
  head.push('of the slower (80%)', 'median round', 'CPU s: read upload load', `host MiB (${most / MIB})`);
  console.log(
    tableOf(
      head,
      1,
      report.map(({ dtype: type, speed, memory }) => [
        ...[type, `${(speed.uploadBytes / MIB).toFixed(0)} MiB`, rate(fileBytes, speed.read)],
        ...[rate(speed.uploadBytes, speed.upload), rate(fileBytes, speed.load)],
        ...[percent(speed.share), percent(speed.medianShare), seconds(speed.cpu)],
        (memory.host / MIB).toFixed(0),
      ]),
    ),
  );
}
const tooSlow = ({ dtype: type, speed }: (typeof report)[number]) =>
  speed.share < 0.8 && (type === 'F32' || !speed.software);
if (report.some((each) => each.memory.host > most || tooSlow(each))) process.exitCode = 1;
