// Opens the files of a Wan checkpoint, whatever its layout: the config and the weights of every model, the tokenizer, the
// scheduler, LoRAs. Nothing is loaded here (load.ts).

import { parseScheduler } from '@moviegen/sampler';
import { type T5Config, Tokenizer } from '@moviegen/text';
import type { WanAutoencoderConfig, WanTransformerConfig } from '@moviegen/wan';
import { type VerifiedFiles, verified } from '../../checkpoint/checksums.ts';
import { pathOf } from '../../checkpoint/files.ts';
import { type OpenLora, oneTransformer, openLoras } from '../../checkpoint/loras.ts';
import { openPart, placed } from '../../checkpoint/modelFiles.ts';
import {
  noTokenizer,
  readTokenizerAt,
  type TokenizerAt,
  tokenizerPlaces,
} from '../../checkpoint/tokenizerFiles.ts';
import type { CheckpointFiles } from '../../checkpointFiles.ts';
import { CheckpointError, InputError } from '../../errors.ts';
import { type LoadModelsOptions, NO_FILES } from '../../generate/family.ts';
import { readImageProcessor } from '../../imageProcessor.ts';
import type { ImageTowerPart } from '../imageTower.ts';
import { checkConfigs, schedulerOf, switchesOf, type WanConfigs, type WanSwitches } from './configs.ts';
import { layoutOf } from './layout.ts';
import { openAutoencoder, openTextEncoder, openTransformer, type WanPart } from './parts.ts';

/** The files of a checkpoint, open. */
export interface OpenedWan {
  readonly switches: WanSwitches;
  /** What fits together. */
  readonly configs: WanConfigs;
  /** One, or two experts. */
  readonly transformers: readonly WanPart<WanTransformerConfig>[];
  readonly vae: WanPart<WanAutoencoderConfig>;
  /** With its tokenizer; undefined where it is left alone. */
  readonly textEncoder: WanTextEncoder | undefined;
  /** The parsed `scheduler_config.json`, or what stands for it. */
  readonly scheduler: unknown;
  /** CLIP's image tower. */
  readonly imageEncoder: ImageTowerPart | undefined;
  /** Of each transformer. */
  readonly loras: readonly (readonly OpenLora[])[];
  /** Whether reading costs a transfer. */
  readonly remote: boolean;
  /** Rejects if a file differs from its entry in the checkpoint's `SHA256SUMS`; reads what has not been read. */
  verify(signal?: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/** The text encoder, the parsed `tokenizer.json` and `tokenizer_config.json`, and the tokenizer that they are. */
export interface WanTextEncoder extends WanPart<T5Config>, TokenizerAt {
  readonly tokens: Tokenizer;
}

/** What is opened besides the checkpoint. */
export type OpenWanOptions = Pick<
  LoadModelsOptions,
  'loras' | 'loras2' | 'textEncoder' | 'tokenizer' | 'parts' | 'http' | 'signal'
>;

/**
 * Opens all files of a checkpoint.
 * @param source `NO_FILES` where the parts are all that there is
 * @throws CheckpointError, InputError, GgufError, SafetensorsError; the signal's reason on abort. Nothing is left open then.
 */
export async function openWan(source: CheckpointFiles, options: OpenWanOptions): Promise<OpenedWan> {
  const {
    loras: files1 = [],
    loras2: files2,
    textEncoder: encodes = true,
    parts = {},
    http,
    signal,
  } = options;
  const { tokenizer: tokenizerPlace } = options;
  const files: VerifiedFiles | undefined = source === NO_FILES ? undefined : await verified(source, signal);
  const layout = await layoutOf(files, parts, encodes, signal);
  const { textEncoder: place } = tokenizerPlaces(
    typeof tokenizerPlace === 'object' && 'text_encoder' in tokenizerPlace
      ? { textEncoder: tokenizerPlace.text_encoder! }
      : tokenizerPlace,
    ['textEncoder'],
  );
  const unread = { '--text-encoder': parts.textEncoder, '--tokenizer': tokenizerPlace };
  for (const [flag, given] of Object.entries(unread))
    if (!encodes && given !== undefined)
      throw new InputError(`checkpoint: prompt states stand for the text encoder: leave out ${flag}`);
  if (encodes && files === undefined && place === undefined) throw noTokenizer();
  if (files2 !== undefined && layout.transformers.length === 1) throw oneTransformer();
  const all = await openLoras([...files1, ...(files2 ?? [])], http, signal);
  const loras = [all.slice(0, files1.length), all.slice(files1.length)];
  const opened: { close(): Promise<void> }[] = [...all];
  const close = async () => void (await Promise.all(opened.map((one) => one.close())));
  const own = async <T extends { close(): Promise<void> }>(part: Promise<T>): Promise<T> => {
    const one = await part;
    opened.push(one);
    return one;
  };
  try {
    const { textEncoder: at } = layout;
    const tokens = at && (await readTokenizerAt(files ?? NO_FILES, layout.tokenizer, place, http, signal));
    const transformers = [];
    for (const [i, at] of layout.transformers.entries())
      transformers.push(
        await own(openTransformer(i === 0 ? 'transformer' : 'transformer_2', at, http, signal)),
      );
    const vae = await own(openAutoencoder('vae', layout.vae, http, signal));
    const encoder = at && (await own(openTextEncoder('text_encoder', at, http, signal)));
    const configs = {
      transformers: transformers.map(({ config }) => config),
      vae: vae.config,
      textEncoder: encoder?.config,
    };
    const folder = layout.index?.imageEncoder;
    checkConfigs(configs, folder !== undefined);
    let imageEncoder: OpenedWan['imageEncoder'];
    if (files && folder !== undefined) {
      const part = await openPart(files, folder, signal, { variantNeeded: false });
      opened.push(part.weights);
      imageEncoder = { ...part, processor: await readImageProcessor(files, folder, signal) };
    }
    const scheduler = layout.scheduler ?? schedulerOf(configs);
    if (files && layout.index) {
      const path = pathOf(files, layout.index.scheduler, 'scheduler_config.json');
      await placed({ path }, () => parseScheduler(scheduler));
    }
    const usual = switchesOf(configs);
    const { boundaryRatio = usual.boundaryRatio, expandTimesteps } = layout.index ?? usual;
    return {
      switches: { boundaryRatio, expandTimesteps },
      configs,
      transformers,
      vae,
      textEncoder: encoder && tokens && withTokenizer(encoder, tokens),
      scheduler,
      imageEncoder,
      loras,
      remote: source.remote ?? false,
      verify: async (stop) => files?.verify(stop),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** umT5's token table has few rows that its tokenizer does not use: 84 of 256,384. */
const FEWEST_USED = 0.9;

/** An encoder with its tokenizer. @throws CheckpointError where that is none, or is not of this encoder */
export function withTokenizer(encoder: WanPart<T5Config>, files: TokenizerAt): WanTextEncoder {
  const { tokenizer, tokenizerConfig, tokenizerPath } = files;
  const wrong = (what: string, cause?: unknown) =>
    new CheckpointError(`checkpoint: ${tokenizerPath}: ${what}`, { cause });
  let tokens: Tokenizer;
  try {
    tokens = new Tokenizer(tokenizer, tokenizerConfig);
  } catch (cause) {
    throw wrong((cause as Error).message, cause);
  }
  const { vocabSize } = encoder.config;
  if (tokens.size > vocabSize || tokens.size < FEWEST_USED * vocabSize)
    throw wrong(
      `this tokenizer has ${tokens.size} tokens, and the token table of ${encoder.path} has ${vocabSize} rows: it is another model's; take the one of this encoder (tokenizer, --tokenizer)`,
    );
  return { ...encoder, ...files, tokens };
}
