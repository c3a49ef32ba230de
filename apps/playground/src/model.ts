// A model as a person chooses it: where it is, how it is read, and what is known of it before it is fetched. Not here: fetching
// (checkpoint/), running (worker/).

import { type CheckpointSummary, hubPlace, type Precision } from 'moviegen';

/** Where a model is, and how it is to be read. */
export interface ModelPlace {
  /** The address of a folder, or a model of the hub, ORG/NAME or ORG/NAME@REVISION. */
  readonly place: string;
  /** The hub's address. */
  readonly hub: string;
  /** Sent to the hub alone. */
  readonly token?: string | undefined;
  /** Types of weights and activations. Default f32. */
  readonly dtype?: Precision | undefined;
  /** Bytes that the transformer's weights may take on the device. Default: all of them. */
  readonly maxMemory?: number | undefined;
  /** States of a prompt, which stand for the text encoder: its files are left alone. */
  readonly states?: File | undefined;
  /** LoRAs, in the order in which they were given. */
  readonly loras?: readonly Lora[] | undefined;
}

/** Types of weights and activations that are offered, each with words for it. */
export const TYPES = {
  f32: 'f32, exact',
  f16: 'f16, half the memory',
  'q8/f16': 'q8, a quarter',
  'q4/f16': 'q4, an eighth',
} as const satisfies Partial<Record<Precision, string>>;

/** A LoRA that a person has given, to be merged into the transformer. */
export interface Lora {
  readonly file: File;
  /** The factor of its change. */
  readonly scale: number;
  /** Whether it is for the expert for low noise, where there are two. */
  readonly low?: boolean;
}

/** What a model is and can do. */
export interface Abilities extends CheckpointSummary {
  /** The jobs as a person reads them. */
  readonly named: string;
  /** Undefined where a server has the model. */
  readonly size?: ModelSize;
}

/** Bytes of a model's files. */
export interface ModelSize {
  /** Of all files. */
  readonly bytes: number;
  /** Of those that this browser does not keep yet. */
  readonly missing: number;
  /** That this browser still offers to keep; undefined where it does not tell. */
  readonly room: number | undefined;
}

/** A model of the hub. */
export interface HubModel {
  /** `ORG/NAME`. */
  readonly id: string;
  /** A branch, a tag or a commit. */
  readonly revision: string;
}

/** The model of the hub that a text names; undefined where it is an address. */
export function hubModel(text: string): HubModel | undefined {
  const [name = '', revision = 'main', ...more] = text.trim().split('@');
  const isRevision = /^(?!.*\.\.)[\w.-]+(\/[\w.-]+)*$/.test(revision) && more.length === 0;
  const place = hubPlace(name);
  return isRevision && place?.folder === '' ? { id: place.id, revision } : undefined;
}

/** `15.7 MB`, `11.4 GB` */
export const sized = (bytes: number): string =>
  bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;

/** What is to be fetched, in words. */
export function toFetch({ bytes, missing, room }: ModelSize): string {
  if (missing === 0) return `${sized(bytes)}, all of it here`;
  const here = missing < bytes ? ` of ${sized(bytes)}` : '';
  const full = room !== undefined && room < missing;
  return `${sized(missing)}${here} to fetch${full ? `, but this browser offers only ${sized(room)} to keep it` : ''}`;
}
