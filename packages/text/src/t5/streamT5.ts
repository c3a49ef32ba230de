// A T5 encoder that never lies on the device as a whole: one layer at a time comes from the file, and of the token table only the
// rows that the texts use. For encoders that run once and must leave the memory to what follows (umT5-XXL: 5.7 billion
// weights, 193 million in a layer). The states are those of T5Encoder, to the bit.

import {
  advance,
  checkWeights,
  type Device,
  fileBytes,
  loadRows,
  loadWeights,
  type PaddedStates,
  quantizedSource,
  RMSNorm,
  scope,
  scopeAsync,
  type Trace,
  traced,
  WeightBook,
  type WeightSource,
} from '@moviegen/tensor';
import { tokenBatch } from '../tokenBatch.ts';
import { T5Block } from './block.ts';
import { positionBiasName, type T5Config, t5WeightShapes } from './config.ts';
import { PositionBias, pairBuckets } from './positions.ts';
import { embedded, type LoadOptions } from './t5.ts';
import { embeddingName, t5WeightOptions } from './weights.ts';

/** Options of {@link streamT5}: those of loading, and a trace. Progress counts the bytes of all layers. */
export interface StreamT5Options extends LoadOptions {
  readonly trace?: Trace;
}

/** Whether a source holds an encoder's weights; nothing is read. @throws WeightsError listing all that are missing, extra or misshapen */
export function checkT5Weights(given: WeightSource, config: T5Config, options: LoadOptions = {}): void {
  const source = quantizedSource(given);
  checkWeights(source, t5WeightShapes(config, embeddingName(source)), t5WeightOptions(config, options));
}

/**
 * The state of every token, with the weights of one layer on the device at a time. Only one call may run on a device at a time.
 * @param given all weights, as `T5Encoder.load` takes them; open until the promise settles.
 * @param texts token ids of each text, its end token included: all that are needed, since each call reads the whole file.
 * @returns states [B, L, D]; the caller owns them.
 * @throws WeightsError listing all weights that are missing, extra or misshapen, before anything is read; the signal's reason
 *   within a layer; what the source throws.
 */
export async function streamT5(
  device: Device,
  given: WeightSource,
  config: T5Config,
  texts: readonly (readonly number[])[],
  { trace, onProgress, ...options }: StreamT5Options = {},
): Promise<PaddedStates> {
  const { signal } = options;
  const source = quantizedSource(given);
  const table = embeddingName(source);
  const all = t5WeightShapes(config, table);
  const types = t5WeightOptions(config, options);
  checkWeights(source, all, types);
  const told = onProgress && { onProgress: progressOfAll(source, Object.keys(all), table, onProgress) };
  const run = <T>(work: () => T): T => traced(trace, () => scope(device, work));
  /** Runs `use` with some of the weights on the device. */
  const withWeights = async <T>(wanted: (name: string) => boolean, use: (book: WeightBook) => T) => {
    const shapes = Object.fromEntries(Object.entries(all).filter(([name]) => wanted(name)));
    const weights = await loadWeights(device, given, shapes, { ...types, ...told, ignore: () => true });
    const book = new WeightBook('t5', weights, shapes);
    try {
      const made = run(() => use(book));
      device.submit(); // it computes while the next weights come
      return made;
    } finally {
      book.dispose(); // its memory is reused only by work that is submitted later
    }
  };
  return scopeAsync(device, async () => {
    const { distinct, renumbered, limits } = tableRows(texts, config);
    const { ids, lengths, L } = tokenBatch(device, 't5', renumbered, limits); // [B, L], [B]
    const rows = await loadRows(device, given, table, distinct, options);
    let x = run(() => embedded(rows, ids)); // [B, L, D]
    rows.dispose();
    const buckets = pairBuckets(device, L, config); // [L, L]
    const common = config.biasPerLayer ? undefined : positionBiasName(0);
    const bias =
      common === undefined
        ? undefined
        : await withWeights(
            (name) => name === common,
            (book) => new PositionBias(book, 0, 'position_bias').forward(buckets), // [1, heads, L, L]
          );
    for (let i = 0; i < config.numLayers; i++)
      x = await withWeights(
        (name) => name.startsWith(`encoder.block.${i}.`) && name !== common,
        (book) => {
          const block = new T5Block(book, i, config);
          return advance(x, () => block.forward(x, { buckets, bias, keyLengths: lengths })); // [B, L, D]
        },
      );
    const path = 'encoder.final_layer_norm';
    const states = await withWeights(
      (name) => name.startsWith(path),
      (book) => new RMSNorm(book, path, config.normEps).forward(x), // [B, L, D]
    );
    signal?.throwIfAborted();
    return { states, lengths: texts.map((text) => text.length) };
  });
}

/**
 * The rows of the token table that occur, rising, padding's included, and the texts as places among them.
 * @throws Error where an id is not in the vocabulary.
 */
function tableRows(texts: readonly (readonly number[])[], { vocabSize, padTokenId }: T5Config) {
  const distinct = [...new Set([padTokenId, ...texts.flat()])].sort((a, b) => a - b);
  const wrong = distinct.find((id) => !(Number.isInteger(id) && id >= 0 && id < vocabSize));
  if (wrong !== undefined) throw new Error(`t5: a token is ${wrong}, expected an integer below ${vocabSize}`);
  const place = new Map(distinct.map((id, i) => [id, i]));
  return {
    distinct,
    renumbered: texts.map((text) => text.map((id) => place.get(id)!)),
    limits: { vocabSize: distinct.length, padTokenId: place.get(padTokenId)! },
  };
}

/** Progress of several loads, one after the other, as progress of all weights but the token table. */
function progressOfAll(
  source: WeightSource,
  names: readonly string[],
  table: string,
  onProgress: NonNullable<LoadOptions['onProgress']>,
): NonNullable<LoadOptions['onProgress']> {
  const began = performance.now();
  const totalBytes = names.reduce((sum, name) => (name === table ? sum : sum + fileBytes(source, name)), 0);
  let before = 0;
  return (progress) => {
    const bytes = before + progress.bytes;
    if (progress.bytes === progress.totalBytes) before = bytes;
    return onProgress({
      ...progress,
      bytes,
      totalBytes,
      bytesPerSecond: (1000 * bytes) / (performance.now() - began),
    });
  };
}
