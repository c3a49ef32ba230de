// LoRA files: where they are, and the weight of each. What their tensors mean is in @moviegen/tensor.

import { Safetensors, type SourceLike } from '@moviegen/safetensors';
import type { Lora } from '@moviegen/tensor';
import { CheckpointError, InputError, shown } from '../errors.ts';
import { absenceIn, addressOf, type FilesOptions, labelOf, openFiles, readJson } from './files.ts';
import { isWeightsFile } from './weightsFile.ts';

/** A LoRA to merge into the transformer while it is loaded. */
export interface LoraFile {
  /**
   * A `.safetensors` file or the folder of one (PEFT's, diffusers'), by path (Node), http(s) address or id of the hub
   * (`ORG/NAME`, `ORG/NAME/FILE`); or its bytes.
   * PEFT's `adapter_config.json` beside it is read.
   */
  readonly source: string | URL | Exclude<SourceLike, string | URL>;
  /** The factor of its change; a negative one takes the change away. Default 1. */
  readonly weight?: number;
  /**
   * Applies what can be applied of a file that also holds other changes (DoRA, LoHa, text encoders ...), and leaves out the
   * rest. Default: refuse it, naming the share.
   */
  readonly partial?: boolean | undefined;
}

/** A LoRA whose file is open. */
export interface OpenLora extends Lora {
  close(): Promise<void>;
}

/** The error of LoRAs for a second transformer, where there is one. */
export const oneTransformer = (): InputError =>
  new InputError(
    'lora: loras2 (--lora-2) are of a second transformer, and this model has one: give them as loras (--lora)',
  );

/** Names that the file may have in a folder. */
const NAMES = ['adapter_model.safetensors', 'pytorch_lora_weights.safetensors'];

/** Opens LoRA files; if one cannot be opened, the others are closed. @throws InputError, CheckpointError, SafetensorsError */
export async function openLoras(
  files: readonly LoraFile[],
  options: FilesOptions = {},
  signal?: AbortSignal,
): Promise<OpenLora[]> {
  const opened: OpenLora[] = [];
  try {
    for (const file of files) opened.push(await openLora(file, options, signal));
    return opened;
  } catch (error) {
    for (const lora of opened) await lora.close();
    throw error;
  }
}

async function openLora(
  { source, weight = 1, partial = false }: LoraFile,
  options: FilesOptions,
  signal: AbortSignal | undefined,
): Promise<OpenLora> {
  if (!Number.isFinite(weight)) throw new InputError(`lora: weight must be a number, got ${shown(weight)}`);
  const named = typeof source === 'string' || source instanceof URL;
  const { folder, names, label } = named
    ? placeOf(source)
    : { folder: '', names: [], label: 'label' in source ? source.label : 'lora' };
  // The revision is the checkpoint's.
  const files = named ? openFiles(folder, { ...options, revision: undefined }) : undefined;
  const open = async (): Promise<Safetensors> => {
    if (!named) return Safetensors.open(source, { signal });
    for (const name of names) {
      const bytes = await files!.folder('')(name, signal);
      if (bytes) return Safetensors.open(bytes, { signal });
    }
    const name = names.length > 1 ? `/${names[0]}` : '';
    throw new CheckpointError(`lora: there is no file ${label}${name}${files ? absenceIn(files) : ''}`);
  };
  const weights = await open();
  try {
    const config = files && (await readJson(files, '', 'adapter_config.json', signal));
    const scaleOf = scaling(config, weights.metadata, label);
    return { source: weights, weight, label, scaleOf, partial, close: () => weights.close() };
  } catch (error) {
    await weights.close();
    throw error;
  }
}

/** The folder and name of a file; for a folder, the names that the file in it may have. */
function placeOf(source: string | URL): { folder: string | URL; names: readonly string[]; label: string } {
  const url = addressOf(source);
  const label = url ? labelOf(url) : String(source);
  const path = url?.pathname ?? label;
  if (isWeightsFile(path) && !path.endsWith('.safetensors'))
    throw new InputError(`lora: ${label} is not a .safetensors file: LoRAs are read from these alone`);
  if (!path.endsWith('.safetensors')) return { folder: source, names: NAMES, label };
  const name = /[^/\\]+$/.exec(path)?.[0] ?? '';
  if (url) {
    url.pathname = url.pathname.slice(0, -name.length);
    return { folder: url, names: [decodeURIComponent(name)], label };
  }
  return { folder: label.slice(0, -name.length) || '.', names: [name], label };
}

/** The scale s of a module, by PEFT's config or by the one that diffusers puts into the file: alpha / r, or alpha / sqrt(r). */
function scaling(
  config: unknown,
  metadata: Readonly<Record<string, string>>,
  label: string,
): (module: string, rank: number) => number {
  const values = { ...plain(metadata.lora_adapter_metadata), ...record(config) };
  const value = (key: string) => values[key] ?? values[`transformer.${key}`];
  if (value('use_dora') === true)
    throw new InputError(`lora: ${label} is a DoRA, which cannot be merged here`);
  const alpha = value('lora_alpha');
  const patterns = Object.entries(record(value('alpha_pattern')));
  return (module, rank) => {
    const [, own] = patterns.find(([key]) => module === key || module.endsWith(`.${key}`)) ?? [];
    const a = own ?? alpha;
    if (typeof a !== 'number') return 1;
    return value('use_rslora') === true ? a / Math.sqrt(rank) : a / rank;
  };
}

function plain(text: string | undefined): Record<string, unknown> {
  if (text === undefined) return {};
  try {
    return record(JSON.parse(text));
  } catch {
    return {}; // free text of its author
  }
}

const record = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
