// The configs of a Wan checkpoint, read and held against one another. Weights are not opened here (open.ts).

import { parseT5Config, type T5Config } from '@moviegen/text';
import {
  parseAutoencoderConfig,
  parseTransformerConfig,
  type WanAutoencoderConfig,
  type WanTransformerConfig,
} from '@moviegen/wan';
import { missing, pathOf, readJson } from '../../checkpoint/files.ts';
import { readTokenizer } from '../../checkpoint/tokenizerFiles.ts';
import type { CheckpointFiles } from '../../checkpointFiles.ts';
import { CheckpointError } from '../../errors.ts';
import { parseWanIndex, type WanIndex } from './modelIndex.ts';

/** The parsed configs of a checkpoint, which fit one another. */
export interface WanConfigs {
  /** One, or of two experts. */
  readonly transformers: readonly WanTransformerConfig[];
  readonly vae: WanAutoencoderConfig;
  readonly textEncoder: T5Config;
}

/** What a checkpoint's small files say. */
export interface WanFiles {
  readonly index: WanIndex;
  readonly configs: WanConfigs;
  /** The parsed `scheduler_config.json`, `tokenizer.json` and `tokenizer_config.json`. */
  readonly scheduler: unknown;
  readonly tokenizer: unknown;
  readonly tokenizerConfig: unknown;
}

/** @throws CheckpointError where a file is missing or wrong, or configs do not fit one another */
export async function readConfigs(files: CheckpointFiles, signal?: AbortSignal): Promise<WanFiles> {
  await files.check?.(signal);
  const index = parseWanIndex(
    await needed(files, '', 'model_index.json', signal),
    pathOf(files, '', 'model_index.json'),
  );
  const parsed = async <T>(folder: string, parse: (json: unknown) => T): Promise<T> => {
    const config = await needed(files, folder, 'config.json', signal);
    try {
      return parse(config);
    } catch (cause) {
      const { message } = cause as Error;
      throw new CheckpointError(`checkpoint: ${pathOf(files, folder, '')}: ${message}`, { cause });
    }
  };
  const { tokenizer, tokenizerConfig = {} } = await readTokenizer(files, index.textEncoder, signal);
  if (tokenizer === undefined) throw await missing(files, index.tokenizer, 'tokenizer.json', signal);
  const folders = [index.transformer, ...(index.transformer2 === undefined ? [] : [index.transformer2])];
  const transformers: WanTransformerConfig[] = [];
  for (const folder of folders)
    transformers.push(await parsed(folder, (json) => parseTransformerConfig(json)));
  const configs = {
    transformers,
    vae: await parsed(index.vae, parseAutoencoderConfig),
    textEncoder: await parsed(index.textEncoder, parseT5Config),
  };
  checkConfigs(configs, index);
  const scheduler = await needed(files, index.scheduler, 'scheduler_config.json', signal);
  return { index, configs, scheduler, tokenizer, tokenizerConfig };
}

function checkConfigs(
  { transformers, vae, textEncoder }: WanConfigs,
  { transformer, transformer2, imageEncoder }: WanIndex,
): void {
  for (const [i, { outChannels, textDim, imageDim }] of transformers.entries()) {
    const name = i === 0 ? transformer : transformer2;
    if (outChannels !== vae.zDim)
      throw new CheckpointError(
        `checkpoint: the ${name} makes latents of ${outChannels} channels and the autoencoder's have ${vae.zDim}: ` +
          'the autoencoder of Wan 2.1 has 16, that of Wan 2.2 TI2V 48',
      );
    if (textDim !== textEncoder.hiddenSize)
      throw new CheckpointError(
        `checkpoint: the ${name} reads text of width ${textDim}, but the encoder gives ${textEncoder.hiddenSize}`,
      );
    if (imageDim !== undefined && imageEncoder === undefined)
      throw new CheckpointError(
        `checkpoint: the ${name} reads a CLIP image tower, but model_index.json names no image_encoder`,
      );
  }
}

/** A JSON file that must be there. @throws CheckpointError */
async function needed(
  files: CheckpointFiles,
  folder: string,
  name: string,
  signal: AbortSignal | undefined,
): Promise<unknown> {
  const json = await readJson(files, folder, name, signal);
  if (json === undefined) throw await missing(files, folder, name, signal);
  return json;
}
