// The text of a generation (Movie Gen section 3.1.4): each prompt through UL2, MetaCLIP and ByT5, whose states stay
// apart. Not here: their projection to one width and one sequence, which is part of the DiT.

import type { Device, PaddedStates, Trace, WeightProgress, WeightSource } from '@moviegen/tensor';
import { byt5Ids } from './byt5.ts';
import { ClipTextModel } from './clip/clip.ts';
import { parseClipTextConfig } from './clip/config.ts';
import { promptTexts } from './prompt.ts';
import { parseT5Config } from './t5/config.ts';
import { type LoadOptions, T5Encoder } from './t5/t5.ts';
import { Tokenizer } from './tokenizer.ts';

/** The files of one encoder: the parsed `config.json`, and the weights. */
export interface EncoderFiles {
  readonly config: unknown;
  readonly weights: WeightSource;
}

/** The files of an encoder that has a `tokenizer.json`. */
export interface TokenizedEncoderFiles extends EncoderFiles {
  readonly tokenizer: unknown;
  readonly tokenizerConfig?: unknown;
}

/** The files of all encoders; an absent encoder gives no tokens. */
export interface TextEncoderFiles {
  readonly ul2?: TokenizedEncoderFiles | undefined;
  readonly metaclip?: TokenizedEncoderFiles | undefined;
  readonly byt5?: EncoderFiles | undefined;
}

/** The name of an encoder. */
export type EncoderName = keyof TextEncoderFiles;

/** What a person is told of a text that is longer than an encoder reads. */
export const droppedNote = (text: string, encoder: string, tokens: number, most: number): string =>
  `${text}: ${encoder} reads ${most} tokens: it dropped ${tokens - most} of ${tokens}`;

/** Options of {@link TextEncoders.load}. */
export interface TextEncodersOptions extends Omit<LoadOptions, 'onProgress'> {
  /** The most tokens of a prompt, by encoder. Default 512, 256 and 100; never more than the encoder has positions. */
  readonly maxLength?: Readonly<Partial<Record<EncoderName, number>>>;
  /** Removes the parts in quotes from what UL2 and MetaCLIP see. Default false. */
  readonly stripQuoted?: boolean;
  /**
   * Wraps the loading of each encoder, so that a caller can say whose files an error is about. It must run the work and
   * return its result. Default: it does nothing else.
   */
  readonly around?: <T>(encoder: EncoderName, work: () => Promise<T>) => Promise<T>;
  readonly onProgress?: (encoder: EncoderName, progress: WeightProgress) => void | Promise<void>;
}

/** Token ids of each prompt, by encoder. */
export type PromptTokens = Readonly<Partial<Record<EncoderName, readonly (readonly number[])[]>>>;

/** A prompt that is longer than what an encoder reads. */
export interface DroppedTokens {
  readonly encoder: EncoderName;
  /** Tokens of the prompt. */
  readonly tokens: number;
  /** How many of them the encoder takes. */
  readonly most: number;
}

/** The states of each prompt's tokens, by encoder: what `DiT.context` takes. An absent encoder gives no tokens. */
export type PromptStates = Readonly<Partial<Record<EncoderName, PaddedStates>>>;

const MAX_LENGTH: Readonly<Record<EncoderName, number>> = { ul2: 512, metaclip: 256, byt5: 100 };
const ENCODERS = Object.keys(MAX_LENGTH) as readonly EncoderName[];

interface Loaded {
  readonly ul2?: { readonly model: T5Encoder; readonly tokenizer: Tokenizer } | undefined;
  readonly metaclip?: { readonly model: ClipTextModel; readonly tokenizer: Tokenizer } | undefined;
  readonly byt5?: { readonly model: T5Encoder } | undefined;
}

/**
 * The three text encoders.
 *
 * ```ts
 * const encoders = await TextEncoders.load(device, files);
 * const states = encoders.encode(['', 'the word "HI" moves up'], { fps: 16 });   // the null prompt, and a prompt
 * ```
 */
export class TextEncoders {
  readonly #encoders: Loaded;
  readonly #maxLength: Readonly<Record<EncoderName, number>>;
  readonly #stripQuoted: boolean;

  private constructor(
    encoders: Loaded,
    maxLength: Readonly<Record<EncoderName, number>>,
    stripQuoted: boolean,
  ) {
    this.#encoders = encoders;
    this.#maxLength = maxLength;
    this.#stripQuoted = stripQuoted;
  }

  /**
   * Loads the encoders one after the other.
   * @throws ConfigError or WeightsError of the first encoder that cannot be loaded; those before it are released.
   */
  static async load(
    device: Device,
    files: TextEncoderFiles,
    {
      maxLength,
      stripQuoted = false,
      around = (_, work) => work(),
      onProgress,
      ...options
    }: TextEncodersOptions = {},
  ): Promise<TextEncoders> {
    const { ul2, metaclip, byt5 } = files;
    const loaded: { -readonly [K in keyof Loaded]: Loaded[K] } = {};
    const optionsOf = (name: EncoderName): LoadOptions =>
      onProgress ? { ...options, onProgress: (progress) => onProgress(name, progress) } : options;
    try {
      if (ul2)
        loaded.ul2 = await around('ul2', async () => {
          const tokenizer = new Tokenizer(ul2.tokenizer, ul2.tokenizerConfig);
          const config = parseT5Config(ul2.config);
          return { model: await T5Encoder.load(device, ul2.weights, config, optionsOf('ul2')), tokenizer };
        });
      if (metaclip)
        loaded.metaclip = await around('metaclip', async () => {
          const tokenizer = new Tokenizer(metaclip.tokenizer, metaclip.tokenizerConfig);
          const config = parseClipTextConfig(metaclip.config);
          const model = await ClipTextModel.load(device, metaclip.weights, config, optionsOf('metaclip'));
          return { model, tokenizer };
        });
      if (byt5)
        loaded.byt5 = await around('byt5', async () => {
          const config = parseT5Config(byt5.config);
          return { model: await T5Encoder.load(device, byt5.weights, config, optionsOf('byt5')) };
        });
    } catch (error) {
      disposeAll(loaded);
      throw error;
    }
    const limits = { ...MAX_LENGTH, ...maxLength };
    limits.metaclip = Math.min(
      limits.metaclip,
      loaded.metaclip?.model.config.maxPositions ?? limits.metaclip,
    );
    return new TextEncoders(loaded, limits, stripQuoted);
  }

  /** Width of each encoder's states. */
  get dims(): Readonly<Partial<Record<EncoderName, number>>> {
    const present = ENCODERS.flatMap((name) => {
      const encoder = this.#encoders[name];
      return encoder ? [[name, encoder.model.config.hiddenSize] as const] : [];
    });
    return Object.fromEntries(present);
  }

  /** Token ids of each prompt, cut at each encoder's length. The empty prompt is guidance's null prompt. */
  tokenize(prompts: readonly string[], { fps }: { readonly fps: number }): PromptTokens {
    return this.#tokenize(prompts, fps, this.#maxLength);
  }

  #tokenize(
    prompts: readonly string[],
    fps: number,
    maxLength: Readonly<Record<EncoderName, number>>,
  ): PromptTokens {
    const [encoders, stripQuoted] = [this.#encoders, this.#stripQuoted];
    const texts = prompts.map((prompt) => promptTexts(prompt, { fps, stripQuoted }));
    const ids = (name: 'ul2' | 'metaclip', tokenizer: Tokenizer) =>
      texts.map(({ prompt }) => tokenizer.encode(prompt, maxLength[name]));
    return {
      ...(encoders.ul2 && { ul2: ids('ul2', encoders.ul2.tokenizer) }),
      ...(encoders.metaclip && { metaclip: ids('metaclip', encoders.metaclip.tokenizer) }),
      ...(encoders.byt5 && {
        byt5: texts.map(({ quoted }) => (quoted === '' ? [] : byt5Ids(quoted, maxLength.byt5))),
      }),
    };
  }

  /** The encoders that do not read a prompt to its end: how many tokens it has, and how many they take. */
  dropped(prompt: string, { fps }: { readonly fps: number }): DroppedTokens[] {
    const limits = this.#maxLength;
    const whole = this.#tokenize([prompt], fps, { ul2: Infinity, metaclip: Infinity, byt5: Infinity });
    return ENCODERS.flatMap((encoder) => {
      const [tokens, most] = [whole[encoder]?.[0]?.length ?? 0, limits[encoder]];
      return tokens > most ? [{ encoder, tokens, most }] : [];
    });
  }

  /**
   * The states of each prompt's tokens, by encoder. ByT5 is absent where no prompt has a part in quotes.
   * @param prompts a batch: for guidance the null prompt `''`, or a negative prompt, and the prompt
   * @param options `fps`: frames per second, which stand before every prompt but the null prompt
   * @returns the caller owns the states
   */
  encode(
    prompts: readonly string[],
    { fps, trace }: { readonly fps: number; readonly trace?: (encoder: EncoderName) => Trace },
  ): PromptStates {
    const tokens = this.tokenize(prompts, { fps });
    const said = ENCODERS.flatMap((name) => {
      const ids = tokens[name];
      const model = this.#encoders[name]?.model;
      if (!model || !ids?.some((text) => text.length > 0)) return [];
      return [[name, model.forward(ids, trace ? { trace: trace(name) } : {})] as const];
    });
    return Object.fromEntries(said);
  }

  /** Releases the weights of all encoders. */
  dispose(): void {
    disposeAll(this.#encoders);
  }
}

function disposeAll({ ul2, metaclip, byt5 }: Loaded): void {
  for (const encoder of [ul2, metaclip, byt5]) encoder?.model.dispose();
}
