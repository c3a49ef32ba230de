// One run of the command line: what every command needs to print, to be stopped, to open a device and to load models, and the
// end of all that. Not here: options (common.ts), the commands (commands/).

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Device, DeviceOptions } from '@moviegen/tensor';
import { openDevice } from '@moviegen/tensor/node';
import { Autoencoder } from '../autoencoder.ts';
import type { LoraFile } from '../checkpoint/loras.ts';
import type { DTypePolicy } from '../checkpoint/precision.ts';
import type { TokenizerPlaces } from '../checkpoint/tokenizerFiles.ts';
import type { FilesOptions } from '../checkpointFiles.ts';
import { CheckpointError, InputError } from '../errors.ts';
import { checkpointSummary } from '../families/summary.ts';
import type { PartPlaces } from '../generate/family.ts';
import { checkJob, checkTask, type Job } from '../generate/jobs.ts';
import type { LoadProgress } from '../generate/progress.ts';
import { type OutputFile, Outputs } from '../node/outputs.ts';
import { type FromPretrainedOptions, VideoPipeline } from '../pipeline.ts';
import { MovieGenUpsampler } from '../upsampler.ts';
import { Bars } from './bars.ts';

/** Options that all commands share. */
export interface CommonOptions {
  readonly adapter?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly debug?: boolean;
}

/** Options of commands that open a checkpoint. */
export interface SourceOptions {
  readonly variant?: string | undefined;
  readonly revision?: string | undefined;
  readonly header?: Readonly<Record<string, string>> | undefined;
}

/** Options that name single models. */
export interface PartOptions {
  readonly transformer?: string;
  readonly transformer2?: string;
  readonly vae?: string;
  readonly textEncoder?: string;
}

/** Options of commands that load a model. */
export interface ModelOptions extends CommonOptions, SourceOptions, PartOptions {
  readonly model?: string;
  readonly dtype?: DTypePolicy;
  readonly tokenizer?: TokenizerPlaces;
  readonly lora?: readonly LoraFile[];
  readonly lora2?: readonly LoraFile[];
  readonly loraPartial?: boolean;
  readonly maxMemory?: number;
  readonly offload?: 'disk' | 'host';
}

/** Options of commands that may do without the text encoder. */
interface PipelineOptions extends ModelOptions {
  /** States of the prompts, which stand for it. */
  readonly promptStates?: unknown;
  /** The kind of edit. */
  readonly task?: string;
}

/** One run of the command line. */
export class Run {
  readonly signal: AbortSignal;
  readonly outputs = new Outputs();
  bars = new Bars('none');
  #notes: readonly string[] = [];
  #quiet = false;
  /** Whether lines for a person go to standard output, or that is the file's. */
  #says = true;
  #device: Device | undefined;
  #model: VideoPipeline | undefined;
  readonly #autoencoders: Autoencoder[] = [];
  #upsampler: MovieGenUpsampler | undefined;

  constructor(signal: AbortSignal) {
    this.signal = signal;
  }

  /** Chooses how progress is shown, by the options of the command. @throws InputError where standard output is asked for twice */
  configure({
    quiet,
    json,
    output,
  }: Pick<CommonOptions, 'quiet' | 'json'> & { readonly output?: string }): void {
    this.#quiet = quiet === true;
    this.#says = output !== '-';
    if (!this.#says && json)
      throw new InputError('output: standard output takes the file or the document of --json: name a file');
    if (!this.#says && process.stdout.isTTY)
      throw new InputError(
        'output: standard output is a terminal: send it to a file or a program, or name a file',
      );
    const terminal = process.stderr.isTTY === true;
    this.bars = new Bars(quiet ? 'none' : terminal ? 'bars' : json ? 'none' : 'lines');
  }

  /** The device that the options name; it is opened once. @param onDispatch is told of every dispatch; only the first call can say so */
  async device(
    { adapter }: CommonOptions,
    onDispatch?: NonNullable<DeviceOptions['onDispatch']>,
  ): Promise<Device> {
    this.#device ??= await openDevice({
      ...(adapter !== undefined && { adapter }),
      ...(onDispatch && { onDispatch }),
    });
    return this.#device;
  }

  /**
   * Loads the model that the options name, or the one that is shipped for a job, with a bar while it loads. A model that was
   * loaded before is released.
   * @param op in whose name a job is refused that the model has not learnt
   */
  async model(
    options: PipelineOptions,
    job: Job = 'text',
    op: string = job === 'edit' || job === 'extend' ? job : 'generate',
  ): Promise<VideoPipeline> {
    const parts = partsOf(options);
    const source = options.model ?? parts ?? defaultModel(job);
    if (parts === undefined && job !== 'text' && job !== 'video')
      await this.#checkLearnt(op, source as string, job, options);
    const loading = await this.#loading(options);
    this.#model?.dispose();
    this.#model = await VideoPipeline.fromPretrained(source, loading);
    return this.#model;
  }

  /** Loads the upsampler that the options name. */
  async upsampler(options: ModelOptions): Promise<MovieGenUpsampler> {
    const source = upsamplerPlace(options.model, '--model');
    const parts = partsOf(options); // refused, not ignored
    const loading = await this.#loading(options);
    this.#upsampler = await MovieGenUpsampler.fromPretrained(source, { ...loading, ...(parts && { parts }) });
    return this.#upsampler;
  }

  /** A job or a task that a checkpoint has not learnt is refused before its weights are read. @throws InputError */
  async #checkLearnt(op: string, source: string, job: Job, options: PipelineOptions): Promise<void> {
    const how = { ...this.filesOptions(options), download: false, signal: this.signal };
    const { jobs, tasks } = await checkpointSummary(source, how);
    checkJob(op, job, jobs);
    checkTask(op, options.task, tasks);
  }

  /** The options of loading all models of a checkpoint, with a bar. */
  async #loading(options: PipelineOptions): Promise<FromPretrainedOptions> {
    const parts = partsOf(options);
    this.bars.begin('load', undefined, MEGABYTES);
    const device = await this.device(options);
    return {
      device,
      ...(options.model && parts && { parts }),
      ...this.filesOptions(options),
      ...weightsOptions(options),
      ...(options.tokenizer && { tokenizer: options.tokenizer }),
      onNote: (line) => this.note([line]),
      ...(options.promptStates !== undefined && { textEncoder: false }),
      signal: this.signal,
      onProgress: (progress) => {
        if (progress.phase === 'load') this.#loads(progress);
      },
    };
  }

  /** Loads the autoencoder that the options name: a model of its own, or the one of a whole checkpoint. */
  async autoencoder(options: ModelOptions & { readonly inflate?: boolean }): Promise<Autoencoder> {
    const source = options.model ?? defaultModel();
    this.bars.begin('load', undefined, MEGABYTES);
    const autoencoder = await Autoencoder.fromPretrained(source, {
      device: await this.device(options),
      ...this.filesOptions(options),
      ...(options.dtype && { dtype: options.dtype }),
      ...(options.inflate && { inflate: true }),
      signal: this.signal,
      onProgress: (progress) => this.#loads(progress),
    });
    this.#autoencoders.push(autoencoder);
    this.note(autoencoder.notes);
    return autoencoder;
  }

  /** How a checkpoint's files are to be opened, by the options of a command; what is downloaded is shown. */
  filesOptions({ variant, revision, header }: SourceOptions): FilesOptions {
    return {
      ...(variant !== undefined && { variant }),
      ...(revision !== undefined && { revision }),
      ...(header && { headers: header }),
      onDownload: ({ bytes, totalBytes }) => this.bars.show('download', bytes, totalBytes, MEGABYTES),
    };
  }

  #loads({ bytes, totalBytes }: LoadProgress): void {
    this.bars.show('load', bytes, totalBytes, MEGABYTES);
  }

  /** Prints a line for a person. Where standard output is the file's, it goes to stderr. */
  say(text: string): void {
    if (this.#says) process.stdout.write(`${text}\n`);
    else if (!this.#quiet) process.stderr.write(`${text}\n`);
  }

  /** Writes a file to standard output. */
  async send(bytes: Uint8Array): Promise<void> {
    this.signal.throwIfAborted();
    await new Promise<void>((resolve, reject) =>
      process.stdout.write(bytes, (error) => (error ? reject(error) : resolve())),
    );
  }

  /** Writes a file, or to standard output where its path is `-`. @returns where it is */
  async write(file: OutputFile): Promise<string> {
    if (file.path === '-') {
      await this.send(file.bytes);
      return file.path;
    }
    const [path = file.path] = await this.outputs.write([file], this.signal);
    return path;
  }

  /** Lines that a person should see, on stderr once the progress is over; not where all was to be quiet. */
  note(lines: readonly string[] = []): void {
    if (!this.#quiet) this.#notes = [...this.#notes, ...lines];
  }

  /** Prints a JSON document for a script. */
  print(document: unknown): void {
    process.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
  }

  /** Releases the models and the device; removes files that were begun and not finished. */
  close(): void {
    this.bars.stop();
    for (const line of this.#notes) process.stderr.write(`${line}\n`);
    this.outputs.clean();
    this.#model?.dispose();
    for (const autoencoder of this.#autoencoders) autoencoder.dispose();
    this.#upsampler?.dispose();
    this.#device?.destroy();
  }
}

/** How bars show bytes. */
export const MEGABYTES = { name: 'MB', show: (bytes: number) => (bytes / 1e6).toFixed(1) };

/**
 * The checkpoint that is taken where none is named: MOVIEGEN_MODEL, or a shipped one that has learnt the job.
 * @throws CheckpointError where there is none
 */
export function defaultModel(job: Job | 'letters' = 'text'): string {
  const named = process.env.MOVIEGEN_MODEL;
  if (named) return named;
  const alone = job === 'reference' || job === 'letters';
  const name = `shapes-world${job === 'text' || job === 'video' ? '' : alone ? `-${job}` : '-jobs'}`;
  const found = shipped(name);
  if (found !== undefined) return found;
  throw new CheckpointError(
    `checkpoint: there is no models/${name} here: give a checkpoint with --model: a folder, an address, or ORG/NAME of the hub`,
  );
}

/**
 * The upsampler that is taken: the one that a flag names, or MOVIEGEN_UPSAMPLER, or the shipped one.
 * @throws CheckpointError where there is none
 */
export function upsamplerPlace(given: string | undefined, flag: string): string {
  const place = given ?? (process.env.MOVIEGEN_UPSAMPLER || shipped('shapes-world-upsampler'));
  if (place) return place;
  throw new CheckpointError(
    `checkpoint: there is no upsampler here: give one with ${flag} DIR or URL, or by MOVIEGEN_UPSAMPLER`,
  );
}

/** The folder of a checkpoint that is shipped, if it is there. */
function shipped(name: string): string | undefined {
  const here = join('models', name);
  const beside = fileURLToPath(new URL(`../../../../models/${name}`, import.meta.url));
  return [here, beside].find((folder) => existsSync(join(folder, 'model_index.json')));
}

/** The name that an adapter gives of itself. */
export function adapterName({ info }: Device): string {
  return (
    info.description || [info.vendor, info.architecture, info.device].filter(Boolean).join(' ') || 'unknown'
  );
}

/** An adapter, for JSON. */
export function adapterRecord(device: Device): Record<string, unknown> {
  const { vendor, architecture, device: name, description, software } = device.info;
  return { name: adapterName(device), vendor, architecture, device: name, description, software };
}

/** `load 1.3 s, text 0.2 s, total 34.0 s`: the phases in their order, then the time since the process began. */
export function secondsLine(seconds: Readonly<Record<string, number>>): string {
  const parts = Object.entries(seconds).map(([phase, value]) => `${phase} ${value.toFixed(1)} s`);
  return [...parts, `total ${(performance.now() / 1000).toFixed(1)} s`].join(', ');
}

/** The same, for JSON. */
export function secondsRecord(seconds: Readonly<Record<string, number>>): Record<string, number> {
  const rounded = (value: number) => Math.round(value * 1000) / 1000;
  const entries = Object.entries(seconds).map(([phase, value]): [string, number] => [phase, rounded(value)]);
  return { ...Object.fromEntries(entries), total: rounded(performance.now() / 1000) };
}

/** How weights are loaded, by the options of a command: their types, LoRAs, where they stay. */
export function weightsOptions({
  dtype,
  lora,
  lora2,
  loraPartial: partial,
  maxMemory,
  offload,
}: Pick<
  ModelOptions,
  'dtype' | 'lora' | 'lora2' | 'loraPartial' | 'maxMemory' | 'offload'
>): FromPretrainedOptions {
  return {
    ...(dtype && { dtype }),
    ...(lora && { loras: lora.map((one) => ({ ...one, partial })) }),
    ...(lora2 && { loras2: lora2.map((one) => ({ ...one, partial })) }),
    ...(maxMemory && { maxMemory }),
    ...(offload && { offload }),
  };
}

/** Models that the options name one by one. */
export function partsOf(options: PartOptions): PartPlaces | undefined {
  const { transformer, transformer2, vae, textEncoder } = options;
  const parts = { transformer, transformer2, vae, textEncoder };
  return Object.values(parts).some((place) => place !== undefined) ? parts : undefined;
}
