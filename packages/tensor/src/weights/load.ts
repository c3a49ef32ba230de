// Weights from a file to the device: checked against the model's list as a whole, then streamed piece by piece and
// converted on the way. The file format is in @moviegen/safetensors; how a tensor is filled is in filling.ts.
import { isQuantFormat, unitOf } from '@moviegen/kernels';
import type { Device } from '../device/device.ts';
import type { Tensor } from '../tensor.ts';
import { changed } from './changes.ts';
import { checkWeights } from './check.ts';
import { tooLong } from './filling.ts';
import { quantizedSource } from './quantized.ts';
import { fileBytes, typeOf } from './sizes.ts';
import { piecesOf, type WeightOptions, type WeightSource, WeightsError } from './source.ts';
import { Targets } from './targets.ts';
import { SOFTWARE_UPLOAD_BYTES, UPLOAD_BYTES, Uploads } from './uploads.ts';

/** Bytes of a file that are written in one go. An integer that becomes a float takes up to four times as many. */
const SLICE_BYTES = 2 ** 20;

/**
 * Loads the tensors of `spec` (shapes by name) from a source, in the source's order, so that a file is read from front
 * to back. Host memory stays at a few pieces, or at two tensors where the source has no pieces. Quantised weights
 * (quantized.ts) have their plain names and become tensors of type q8 or q4. The caller owns the tensors, whatever
 * scope is open.
 * @throws WeightsError before anything is read, listing every tensor that is missing, extra, misshapen or of an unknown
 *   type; the signal's reason on abort. Tensors loaded before the error are released.
 */
export async function loadWeights<Name extends string>(
  device: Device,
  given: WeightSource,
  spec: Readonly<Record<Name, readonly number[]>>,
  options: WeightOptions = {},
): Promise<Record<Name, Tensor>> {
  const { dtype = 'f32', prefix = '', changes, onProgress, signal } = options;
  const source = quantizedSource(given);
  const names = checkWeights(source, spec, options);
  if (dtype === 'f16' && !device.target.f16)
    throw new WeightsError(`weights: this adapter has no f16 (${device.info.description}): use f32`);
  const totalBytes = names.reduce((sum, name) => sum + fileBytes(source, prefix + name), 0);
  const targets = new Targets(device, source, names, options);
  const most = device.target.software ? SOFTWARE_UPLOAD_BYTES : UPLOAD_BYTES;
  const uploads = new Uploads(device, options.uploadBytes ?? most);
  const merged = new Map<string, Tensor>();
  const began = performance.now();
  let bytes = 0;
  try {
    signal?.throwIfAborted();
    const full = names.map((name) => prefix + name);
    for await (const { name: fullName, offset, data } of piecesOf(source, full, { signal })) {
      signal?.throwIfAborted();
      const name = fullName.slice(prefix.length);
      if (merged.has(name)) {
        if (data.length === 0) continue;
        throw tooLong(name);
      }
      const filling = targets.filling(name);
      // Only quantised weights have parts in several places of a file.
      const type = source.dtype(fullName);
      const quantized = isQuantFormat(type.toLowerCase());
      const place = quantized ? offset : undefined;
      const sliceBytes = quantized ? SLICE_BYTES : SLICE_BYTES - (SLICE_BYTES % unitOf(type).bytes);
      for (let at = 0; at < data.length; at += sliceBytes) {
        const slice = data.subarray(at, at + sliceBytes) as Uint8Array<ArrayBuffer>;
        await uploads.add(filling.write(slice, place === undefined ? place : place + at));
        signal?.throwIfAborted();
      }
      bytes += data.length;
      if (changes?.has(fullName) && filling.full) {
        targets.forget(name);
        const wanted = typeOf(source, name, options);
        merged.set(name, await changed(changes, fullName, filling.tensor, wanted, signal));
      }
      const bytesPerSecond = (1000 * bytes) / (performance.now() - began);
      await onProgress?.({ name, bytes, totalBytes, bytesPerSecond });
      signal?.throwIfAborted();
    }
    for (const name of names) if (!merged.has(name)) targets.filling(name).finish();
    await uploads.finish();
    signal?.throwIfAborted();
    const tensorOf = (name: string) => merged.get(name) ?? targets.filling(name).tensor;
    return Object.fromEntries(names.map((name) => [name, tensorOf(name)])) as Record<Name, Tensor>;
  } catch (error) {
    targets.dispose();
    for (const tensor of merged.values()) tensor.dispose();
    throw error;
  } finally {
    targets.close();
  }
}
