// What a curation is asked for, and how it tells of its progress.

import type { Outputs } from 'moviegen/node';
import type { ImageEmbedder } from '../choose/concepts.ts';
import type { Thresholds } from '../choose/filters.ts';
import type { Shares } from '../choose/shares.ts';
import type { ClipOptions } from '../measures/clips.ts';

/** What is asked of a curation. */
export interface CurateOptions {
  readonly folder: string;
  /** The manifest; the journal and the funnel's picture lie beside it. */
  readonly output: string;
  readonly clips: ClipOptions;
  readonly limits: Thresholds;
  readonly shares: Shares;
  /** The wanted number of clips, and of clusters. */
  readonly total?: number | undefined;
  readonly clusters?: number | undefined;
  /** Gives embeddings, and says which model it is; without it concepts are left out. */
  readonly embedder?: (ImageEmbedder & { readonly name: string }) | undefined;
  /** A command that prints a caption. */
  readonly caption?: string | undefined;
  /** How many files are measured at a time. Default: one per core. */
  readonly jobs?: number | undefined;
  readonly outputs: Outputs;
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: CurateProgress) => void;
}

/** How far a curation is: bytes of files while they are measured, else clips. */
export interface CurateProgress {
  readonly phase: 'measure' | 'concepts' | 'caption';
  readonly done: number;
  readonly total: number;
}
