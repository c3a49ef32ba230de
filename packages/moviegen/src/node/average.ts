// Model averaging (Movie Gen section 3.2, the last step of finetuning): the weighted mean of checkpoints, tensor by tensor and
// piece by piece, so that memory does not grow with their size. Not here: the folder that is written (averageFolder.ts).

import { bytesToFloats, encodableTypes, floatsToBytes, sizeOf } from '@moviegen/kernels';
import { printable, type TensorSource, type TensorStream } from '@moviegen/safetensors';
import { quantizedWeights } from '@moviegen/tensor';
import { InputError } from '../errors.ts';

/** A set of weights to average, and the path that messages give for it. */
export interface Averaged {
  readonly path: string;
  readonly weights: TensorSource;
}

const PIECE_ELEMENTS = 2 ** 20;
const MOST_LISTED = 5;

/**
 * The mean of the tensors of each name: summed in f32, written in the types of the first set. Integers are taken from the first
 * set.
 * @param shares the weight of each set; their sum need not be 1.
 * @throws InputError, one line, where names or shapes differ, or weights are quantised.
 */
export function averageTensors(
  sets: readonly Averaged[],
  shares: readonly number[],
  signal?: AbortSignal,
): Map<string, TensorStream> {
  const [first, ...others] = sets as [Averaged, ...Averaged[]];
  for (const { path, weights } of sets) checkPlain(path, weights);
  for (const other of others) checkAlike(first, other);
  const total = shares.reduce((sum, share) => sum + share, 0);
  const factors = shares.map((share) => Math.fround(share / total));
  const { weights } = first;
  return new Map(
    weights.names().map((name): [string, TensorStream] => {
      const [dtype, shape] = [weights.dtype(name), weights.shape(name)];
      const data = () => (isFloat(dtype) ? mean(sets, factors, name, signal) : weights.chunks(name));
      return [name, { dtype, shape, data }];
    }),
  );
}

const isFloat = (dtype: string) => encodableTypes.includes(dtype);

/** The mean of one tensor, in pieces. Each term and each sum is rounded to f32, as in PyTorch. */
async function* mean(
  sets: readonly Averaged[],
  factors: readonly number[],
  name: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  const dtype = sets[0]!.weights.dtype(name);
  const count = sizeOf(sets[0]!.weights.shape(name));
  const readers = sets.map(({ weights }) => {
    const chunkBytes = PIECE_ELEMENTS * (weights.byteLength(name) / count);
    return weights.chunks(name, { chunkBytes, ...(signal && { signal }) });
  });
  for (let at = 0; at < count; at += PIECE_ELEMENTS) {
    const sum = new Float32Array(Math.min(PIECE_ELEMENTS, count - at));
    for (const [k, reader] of readers.entries()) {
      const { value } = await reader.next();
      const values = bytesToFloats(value!, sets[k]!.weights.dtype(name));
      const factor = factors[k]!;
      for (let i = 0; i < sum.length; i++) sum[i]! += Math.fround(values[i]! * factor);
    }
    yield floatsToBytes(sum, dtype);
  }
}

function checkPlain(path: string, weights: TensorSource): void {
  const [quantized] = quantizedWeights(weights).keys();
  if (quantized === undefined) return;
  throw new InputError(
    `average: ${path} is quantised (${printable(quantized)}): average the original files, then quantise the result`,
  );
}

function checkAlike({ path, weights }: Averaged, other: Averaged): void {
  const problems: string[] = [];
  const shapeOf = (set: TensorSource, name: string) => `[${set.shape(name).join(', ')}]`;
  for (const name of weights.names()) {
    if (!other.weights.has(name)) problems.push(`it lacks ${printable(name)}`);
    else if (shapeOf(weights, name) !== shapeOf(other.weights, name))
      problems.push(
        `${printable(name)} is ${shapeOf(other.weights, name)}, expected ${shapeOf(weights, name)}`,
      );
    else if (isFloat(weights.dtype(name)) !== isFloat(other.weights.dtype(name)))
      problems.push(
        `${printable(name)} is ${other.weights.dtype(name)}, which cannot be averaged with ${weights.dtype(name)}`,
      );
  }
  for (const name of other.weights.names())
    if (!weights.has(name)) problems.push(`it has ${printable(name)}, which the first lacks`);
  if (problems.length === 0) return;
  const more = problems.length > MOST_LISTED ? `; and ${problems.length - MOST_LISTED} more` : '';
  throw new InputError(
    `average: ${other.path} does not fit ${path}: ${problems.slice(0, MOST_LISTED).join('; ')}${more}`,
  );
}
