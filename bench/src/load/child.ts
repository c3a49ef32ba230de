// Run by main.ts and by tests in a process of its own: loads a checkpoint and says on one line of JSON what that took.
// Arguments: `memory` or `speed`, a folder or an address, rounds, then any of `sums` to verify SHA256SUMS, `cold` to read
// from the disk and not from the system's cache.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { openCheckpoint } from '@moviegen/safetensors';
import { type Device, loadWeights, Tensor } from '@moviegen/tensor';
import { openDevice } from '@moviegen/tensor/node';
import { openFiles, verified } from 'moviegen';
import { percentile } from '../statistics.ts';

const PIECE = 2 ** 22;
const [mode = 'memory', place = '', rounds = '3', ...flags] = process.argv.slice(2);

/** Bytes of the process in memory: now, or at most since `forgetPeak`. */
function resident(which: 'VmRSS' | 'VmHWM'): number {
  const [, kilobytes] = new RegExp(`^${which}:\\s+(\\d+) kB`, 'm').exec(
    readFileSync('/proc/self/status', 'utf8'),
  )!;
  return Number(kilobytes) * 1024;
}
const forgetPeak = () => writeFileSync('/proc/self/clear_refs', '5');

async function load(device: Device): Promise<{ dispose(): void; bytes: number }> {
  const files = openFiles(place);
  const checked = flags.includes('sums') ? await verified(files) : undefined;
  const source = await openCheckpoint((checked ?? files).folder(''));
  try {
    const spec = Object.fromEntries(source.names().map((name) => [name, source.shape(name)]));
    const tensors = Object.values(await loadWeights(device, source, spec));
    await checked?.verify();
    const bytes = tensors.reduce((sum, tensor) => sum + tensor.bytes, 0);
    return {
      bytes,
      dispose: () => {
        for (const tensor of tensors) tensor.dispose();
      },
    };
  } finally {
    await source.close();
  }
}

/** Peak of host memory above what it was before. On a software adapter the device's buffers are host memory too. */
async function memory(device: Device) {
  const { software } = device.info;
  globalThis.gc?.();
  const idle = resident('VmRSS');
  const before = device.memory().allocated;
  forgetPeak();
  const loaded = await load(device);
  const peak = resident('VmHWM');
  const deviceBytes = device.memory().peak - before;
  const host = peak - idle - (software ? deviceBytes : 0);
  loaded.dispose();
  return { idle, peak, deviceBytes, software, host };
}

const shards = async (): Promise<string[]> =>
  (await readdir(place)).filter((name) => name.endsWith('.safetensors')).map((name) => join(place, name));

/**
 * Has the system forget the files' content, so that the next read is one of the disk: GNU's dd can ask for that. A shell
 * started now asks it each time. Forking this process later would cost a page fault for every page that it touches next.
 */
function forgetter() {
  const shell = spawn('sh', { stdio: ['pipe', 'pipe', 'ignore'] });
  const forget = async () => {
    const quoted = (path: string) => `'${path.replaceAll("'", "'\\''")}'`;
    for (const path of await shards()) shell.stdin.write(`dd if=${quoted(path)} iflag=nocache count=0\n`);
    shell.stdin.write('echo\n');
    await once(shell.stdout, 'data');
  };
  return { forget, end: () => shell.stdin.end() };
}

/** A plain read of all files, one after the other. */
async function readAll(): Promise<void> {
  const piece = new Uint8Array(PIECE);
  for (const path of await shards()) {
    const file = await open(path);
    for (let at = 0; ; ) {
      const { bytesRead } = await file.read(piece, 0, PIECE, at);
      if (bytesRead === 0) break;
      at += bytesRead;
    }
    await file.close();
  }
}

/** Hands the device so many bytes out of memory that is there, and waits until it has copied them. */
async function upload(device: Device, tensor: Tensor, bytes: number): Promise<void> {
  const piece = new Uint8Array(PIECE).fill(1);
  let waiting = Promise.resolve();
  for (let at = 0; at < bytes; at += PIECE) {
    tensor.writeBytes(piece.subarray(0, bytes - at), at % tensor.bytes);
    if (at % (4 * PIECE) !== 0) continue;
    await waiting;
    waiting = device.sync();
  }
  await waiting;
  await device.sync();
}

/** Bytes that `work` hands to the device: those of the file and the kernels' uniforms. */
async function handedOver(device: Device, work: () => Promise<void>): Promise<number> {
  const { queue } = device.gpu;
  const { writeBuffer } = queue;
  let bytes = 0;
  queue.writeBuffer = (...given: Parameters<GPUQueue['writeBuffer']>) => {
    bytes += given[4] ?? given[2].byteLength;
    return writeBuffer.apply(queue, given);
  };
  try {
    await work();
    return bytes;
  } finally {
    queue.writeBuffer = writeBuffer;
  }
}

/** Seconds by the clock, and those of all cores together, which other work on the machine does not lengthen much. */
interface Times {
  readonly wall: number[];
  readonly cpu: number[];
}

async function timed(times: Times, work: () => Promise<void>): Promise<void> {
  const [began, before] = [performance.now(), process.cpuUsage()];
  await work();
  const { user, system } = process.cpuUsage(before);
  times.wall.push((performance.now() - began) / 1000);
  times.cpu.push((user + system) / 1e6);
}

/** Rounds, each of which reads, uploads and loads: other work on the machine meets them alike. */
async function speed(device: Device) {
  const loadOnce = async () => (await load(device)).dispose();
  const uploadBytes = await handedOver(device, loadOnce); // also touches the pool's memory: the system clears a page at its first touch
  const tensor = Tensor.empty(device, [Math.min(Math.ceil(uploadBytes / PIECE) * PIECE, 2 ** 27) / 4]);
  const times = { read: none(), upload: none(), load: none() };
  const between = disk ? disk.forget : async () => {};
  for (let round = 0; round < Number(rounds); round++) {
    await between();
    await timed(times.read, readAll);
    await timed(times.upload, () => upload(device, tensor, uploadBytes));
    await between();
    await timed(times.load, loadOnce);
  }
  tensor.dispose();
  const least = (which: keyof Times) => ({
    read: Math.min(...times.read[which]),
    upload: Math.min(...times.upload[which]),
    load: Math.min(...times.load[which]),
  });
  const best = least('wall');
  const shares = times.load.wall.map((s, i) => Math.max(times.read.wall[i]!, times.upload.wall[i]!) / s);
  return {
    uploadBytes,
    ...best,
    cpu: least('cpu'),
    share: Math.max(best.read, best.upload) / best.load,
    medianShare: percentile(shares, 0.5),
  };
}
const none = (): Times => ({ wall: [], cpu: [] });

const disk = flags.includes('cold') ? forgetter() : undefined;
const device = await openDevice();
const { vendor, architecture, description, software } = device.info;
const result = mode === 'speed' ? await speed(device) : await memory(device);
console.log(JSON.stringify({ adapter: [vendor, architecture, description].join(' '), software, ...result }));
device.destroy();
disk?.end();
