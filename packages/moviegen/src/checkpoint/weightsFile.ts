// One file of weights, whatever format it has: safetensors or GGUF, by its first bytes. Files that only PyTorch reads are refused with
// the file to take instead. Where files are is in files.ts, what their tensors are in identify.ts.

import { Gguf } from '@moviegen/gguf';
import { type ByteSource, Safetensors, type TensorSource } from '@moviegen/safetensors';
import { CheckpointError } from '../errors.ts';
import { plainNames } from './plainNames.ts';

/** Names of files that are opened as weights, or refused as such. */
export const isWeightsFile = (path: string): boolean =>
  /\.(safetensors|gguf|sft|ckpt|pt|pth|bin)$/i.test(path);

/**
 * Opens a file of weights; it is closed where that fails.
 * @throws CheckpointError of a file that only PyTorch reads, GgufError, SafetensorsError
 */
export async function openWeights(file: ByteSource, signal?: AbortSignal): Promise<TensorSource> {
  let first: string;
  try {
    first = String.fromCharCode(...(await file.read(0, Math.min(4, file.byteLength), signal)));
    if (isPickle(file.label, first))
      throw new CheckpointError(`checkpoint: ${file.label}: ${pickleText(file.label)}`);
  } catch (error) {
    await file.close();
    throw error;
  }
  const options = signal === undefined ? {} : { signal };
  return plainNames(
    first === 'GGUF' ? await Gguf.open(file, options) : await Safetensors.open(file, options),
  );
}

/** What PyTorch writes: a zip archive or a pickle. A web page under such a name is not one. */
const isPickle = (label: string, first: string): boolean =>
  (first === 'PK\x03\x04' || (first.charCodeAt(0) === 0x80 && first.charCodeAt(1) <= 5)) &&
  !/\.(safetensors|gguf|sft)$/i.test(label);

/** Files of the original repositories, and the same weights in safetensors, as ComfyUI's users have them. */
const INSTEAD: readonly (readonly [name: RegExp, instead: string])[] = [
  [/wan[-_.]?2\.?1[-_.]?vae/i, 'wan_2.1_vae.safetensors'],
  [/wan[-_.]?2\.?2[-_.]?vae/i, 'wan2.2_vae.safetensors'],
  [/umt5[-_]xxl/i, 'umt5_xxl_fp16.safetensors'],
  [/open-clip-xlm-roberta|clip_vision/i, 'clip_vision_h.safetensors'],
];

/** Why a file that only PyTorch reads is not opened, and what to take instead. */
export function pickleText(path: string): string {
  const name = /[^/\\]*$/.exec(path)![0];
  const known = INSTEAD.find(([pattern]) => pattern.test(name))?.[1];
  const instead =
    known === undefined
      ? `${name.replace(/\.\w+$/, '')}.safetensors, which PyTorch makes of it`
      : `${known}, which holds the same weights`;
  return `files of PyTorch may run programs and are not read: take ${instead}`;
}
