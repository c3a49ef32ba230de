// What every command has: its streams, its stop, its device and model, and the end of both.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Device, DeviceOptions } from '@moviegen/tensor';
import { openDevice } from '@moviegen/tensor/node';
import { Autoencoder } from '../autoencoder.ts';
import type { LoraFile } from '../checkpoint/loras.ts';
import type { DTypePolicy } from '../checkpoint/precision.ts';
import { CheckpointError } from '../errors.ts';
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
  readonly lora?: readonly LoraFile[];
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
  #device: Device | undefined;
  #model: MovieGen | undefined;
  #autoencoder: Autoencoder | undefined;

  constructor(signal: AbortSignal) {
    this.signal = signal;
  }

  /** Chooses how progress is shown. */
  configure({ quiet, json }: Pick<CommonOptions, 'quiet' | 'json'>): void {
    this.#quiet = quiet === true;
    const terminal = process.stderr.isTTY === true;
    this.bars = new Bars(quiet ? 'none' : terminal ? 'bars' : json ? 'none' : 'lines');
  }

  /** The adapter asked for. @param onDispatch told of every dispatch; only the first call can say so */
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

  /** The model asked for, with a bar while it loads; it takes the place of one asked for before. */
  async model(options: ModelOptions): Promise<MovieGen> {
    const source = options.model ?? defaultModel();
    this.bars.begin('load', undefined, MEGABYTES);
    const device = await this.device(options);
    this.#model?.dispose();
    const { dtype, lora: loras, maxMemory, offload } = options;
    this.#model = await MovieGen.fromPretrained(source, {
      device,
      ...(dtype && { dtype }),
      ...(loras && { loras }),
      ...(maxMemory && { maxMemory }),
      ...(offload && { offload }),
      signal: this.signal,
      onProgress: (progress) => {
        if (progress.phase === 'load') this.bars.update(progress.bytes, progress.totalBytes);
      },
    });
    return this.#model;
  }

  /** The autoencoder asked for, alone or out of a checkpoint. */
  async autoencoder(options: ModelOptions & { readonly inflate?: boolean }): Promise<Autoencoder> {
    const source = options.model ?? defaultModel();
    this.bars.begin('load', undefined, MEGABYTES);
    this.#autoencoder = await Autoencoder.fromPretrained(source, {
      device: await this.device(options),
      ...(options.dtype && { dtype: options.dtype }),
      ...(options.inflate && { inflate: true }),
      signal: this.signal,
      onProgress: ({ bytes, totalBytes }) => this.bars.update(bytes, totalBytes),
    });
    return this.#autoencoder;
  }

  /** A line for a person. */
  say(text: string): void {
    process.stdout.write(`${text}\n`);
  }

  /** Lines that a person should see, on stderr once the progress is over; not where all was to be quiet. */
  note(lines: readonly string[] = []): void {
    if (!this.#quiet) this.#notes = [...this.#notes, ...lines];
  }

  /** A document for a script. */
  print(document: unknown): void {
    process.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
  }

  /** Ends what was opened; removes what was begun and not finished. */
  close(): void {
    this.bars.stop();
    for (const line of this.#notes) process.stderr.write(`${line}\n`);
    this.outputs.clean();
    this.#model?.dispose();
    this.#autoencoder?.dispose();
    this.#device?.destroy();
  }
}

/** Bytes, as they are shown. */
export const MEGABYTES = { name: 'MB', show: (bytes: number) => (bytes / 1e6).toFixed(1) };

/** `MOVIEGEN_MODEL`, or the model of the folder, or of the repository that this program lies in. */
function defaultModel(): string {
  const named = process.env.MOVIEGEN_MODEL;
  if (named) return named;
  const here = join('models', 'shapes-world');
  const beside = fileURLToPath(new URL('../../../../models/shapes-world', import.meta.url));
  const found = [here, beside].find((folder) => existsSync(join(folder, 'model_index.json')));
  if (found !== undefined) return found;
  throw new CheckpointError(
    'checkpoint: there is no models/shapes-world here: say where with --model DIR or URL',
  );
}

/** An adapter's name, as it gives it. */
export function adapterName({ info }: Device): string {
  return (
    info.description || [info.vendor, info.architecture, info.device].filter(Boolean).join(' ') || 'unknown'
  );
}

/** An adapter as data. */
export function adapterRecord(device: Device): Record<string, unknown> {
  const { vendor, architecture, device: name, description, software } = device.info;
  return { name: adapterName(device), vendor, architecture, device: name, description, software };
}

/** `load 1.3 s, text 0.2 s, total 34.0 s`: phases in their order, and the time since the process began. */
export function secondsLine(seconds: Readonly<Record<string, number>>): string {
  const parts = Object.entries(seconds).map(([phase, value]) => `${phase} ${value.toFixed(1)} s`);
  return [...parts, `total ${(performance.now() / 1000).toFixed(1)} s`].join(', ');
}

/** The same as data. */
export function secondsRecord(seconds: Readonly<Record<string, number>>): Record<string, number> {
  const rounded = (value: number) => Math.round(value * 1000) / 1000;
  const entries = Object.entries(seconds).map(([phase, value]): [string, number] => [phase, rounded(value)]);
  return { ...Object.fromEntries(entries), total: rounded(performance.now() / 1000) };
}
