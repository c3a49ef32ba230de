// One run of the command line: what every command needs to print, to be stopped, to open a device and to load models, and the
// end of all that. Not here: options (common.ts), the commands (commands/).

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Device, DeviceOptions } from '@moviegen/tensor';
import { openDevice } from '@moviegen/tensor/node';
import { Autoencoder } from '../autoencoder.ts';
import type { FilesOptions } from '../checkpoint/files.ts';
import type { LoraFile } from '../checkpoint/loras.ts';
import type { DTypePolicy } from '../checkpoint/precision.ts';
import { CheckpointError, InputError } from '../errors.ts';
import { MovieGen } from '../movieGen.ts';
import { Outputs } from '../node/outputs.ts';
import { Bars } from './bars.ts';

/** Options that all commands share. */
export interface CommonOptions {
  readonly adapter?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly debug?: boolean;
}

/** Options of commands that load a model. */
export interface ModelOptions extends CommonOptions {
  readonly model?: string;
  readonly dtype?: DTypePolicy;
  readonly variant?: string;
  readonly header?: Readonly<Record<string, string>>;
  readonly lora?: readonly LoraFile[];
  readonly loraPartial?: boolean;
  readonly maxMemory?: number;
  readonly offload?: 'disk' | 'host';
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
  #model: MovieGen | undefined;
  #autoencoder: Autoencoder | undefined;

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

  /** Loads the model that the options name, with a bar while it loads. A model that was loaded before is released. */
  async model(options: ModelOptions): Promise<MovieGen> {
    const source = options.model ?? defaultModel();
    this.bars.begin('load', undefined, MEGABYTES);
    const device = await this.device(options);
    this.#model?.dispose();
    const { dtype, lora: loras, maxMemory, offload } = options;
    this.#model = await MovieGen.fromPretrained(source, {
      device,
      ...filesOptions(options),
      ...(dtype && { dtype }),
      ...(loras && { loras: loras.map((lora) => ({ ...lora, partial: options.loraPartial })) }),
      onNote: (line) => this.note([line]),
      ...(maxMemory && { maxMemory }),
      ...(offload && { offload }),
      signal: this.signal,
      onProgress: (progress) => {
        if (progress.phase === 'load') this.bars.update(progress.bytes, progress.totalBytes);
      },
    });
    return this.#model;
  }

  /** Loads the autoencoder that the options name: a model of its own, or the one of a whole checkpoint. */
  async autoencoder(options: ModelOptions & { readonly inflate?: boolean }): Promise<Autoencoder> {
    const source = options.model ?? defaultModel();
    this.bars.begin('load', undefined, MEGABYTES);
    this.#autoencoder = await Autoencoder.fromPretrained(source, {
      device: await this.device(options),
      ...filesOptions(options),
      ...(options.dtype && { dtype: options.dtype }),
      ...(options.inflate && { inflate: true }),
      signal: this.signal,
      onProgress: ({ bytes, totalBytes }) => this.bars.update(bytes, totalBytes),
    });
    this.note(this.#autoencoder.notes);
    return this.#autoencoder;
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
    this.#autoencoder?.dispose();
    this.#device?.destroy();
  }
}

/** How a checkpoint's files are to be opened, by the options of a command. */
export const filesOptions = ({
  variant,
  header,
}: Pick<ModelOptions, 'variant' | 'header'>): FilesOptions => ({
  ...(variant !== undefined && { variant }),
  ...(header && { headers: header }),
});

/** How bars show bytes. */
export const MEGABYTES = { name: 'MB', show: (bytes: number) => (bytes / 1e6).toFixed(1) };

/** `MOVIEGEN_MODEL`, or the model below the current folder, or the model of the repository that this program lies in. */
export function defaultModel(): string {
  const named = process.env.MOVIEGEN_MODEL;
  if (named) return named;
  const here = join('models', 'shapes-world');
  const beside = fileURLToPath(new URL('../../../../models/shapes-world', import.meta.url));
  const found = [here, beside].find((folder) => existsSync(join(folder, 'model_index.json')));
  if (found !== undefined) return found;
  throw new CheckpointError(
    'checkpoint: there is no models/shapes-world here: give a checkpoint with --model DIR or URL',
  );
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
