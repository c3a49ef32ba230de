// Run by main.ts and by tests in a process of its own: loads a checkpoint and says on one line of JSON what that took.
// Arguments: `memory` or `speed`, a folder or an address, rounds, and `sums` to verify SHA256SUMS.

import { readFileSync, writeFileSync } from 'node:fs';
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { openCheckpoint } from '@moviegen/safetensors';
import { type Device, loadWeights, Tensor } from '@moviegen/tensor';
import { openDevice } from '@moviegen/tensor/node';
import { openFiles, verified } from 'moviegen';

const PIECE = 2 ** 22;
const [mode = 'memory', place = '', rounds = '3', sums] = process.argv.slice(2);

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
  const checked = sums === 'sums' ? await verified(files) : undefined;
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

/** Seconds of a plain read of all files, one after the other. */
async function readAll(): Promise<number> {
  const names = (await readdir(place)).filter((name) => name.endsWith('.safetensors'));
  const piece = new Uint8Array(PIECE);
  const began = performance.now();
  for (const name of names) {
    const file = await open(join(place, name));
    for (let at = 0; ; ) {
      const { bytesRead } = await file.read(piece, 0, PIECE, at);
      if (bytesRead === 0) break;
      at += bytesRead;
    }
    await file.close();
  }
  return (performance.now() - began) / 1000;
}

/** Seconds to hand the device as many bytes as the tensors have, out of memory that is there. */
async function upload(device: Device, bytes: number): Promise<number> {
  const piece = new Uint8Array(PIECE).fill(1);
  const tensor = Tensor.empty(device, [Math.min(bytes, 2 ** 27) / 4]);
  await device.sync();
  const began = performance.now();
  let waiting = Promise.resolve();
  for (let at = 0; at < bytes; at += PIECE) {
    tensor.writeBytes(piece, at % tensor.bytes);
    if (at % (4 * PIECE) !== 0) continue;
    await waiting;
    waiting = device.sync();
  }
  await waiting;
  await device.sync();
  const seconds = (performance.now() - began) / 1000;
  tensor.dispose();
  return seconds;
}

/** The best of some rounds, each of which does all three: other work on the machine meets them alike. */
async function speed(device: Device) {
  const warm = await load(device); // memory of the device's pool is touched; the first touch is the system's
  const { bytes } = warm;
  warm.dispose();
  const best = {
    read: Number.POSITIVE_INFINITY,
    upload: Number.POSITIVE_INFINITY,
    load: Number.POSITIVE_INFINITY,
  };
  for (let round = 0; round < Number(rounds); round++) {
    best.read = Math.min(best.read, await readAll());
    best.upload = Math.min(best.upload, await upload(device, bytes));
    const began = performance.now();
    const loaded = await load(device);
    best.load = Math.min(best.load, (performance.now() - began) / 1000);
    loaded.dispose();
  }
  return { ...best, deviceBytes: bytes, share: Math.max(best.read, best.upload) / best.load };
}

const device = await openDevice();
const { vendor, architecture, description } = device.info;
const result = mode === 'speed' ? await speed(device) : await memory(device);
console.log(JSON.stringify({ adapter: [vendor, architecture, description].join(' '), ...result }));
device.destroy();
