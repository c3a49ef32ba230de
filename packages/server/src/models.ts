// What a checkpoint can do and which videos it makes, as workers announce it and the API answers it. Not here: what the
// library does for each kind of job (worker/conditions.ts).

/** Kinds of jobs: of words alone; from a first picture; with pictures of a character; a video changed, continued, made larger. */
export const KINDS = ['text', 'image', 'reference', 'edit', 'extend', 'upscale'] as const;
/** See {@link KINDS}. */
export type Kind = (typeof KINDS)[number];

/** What a worker says of a checkpoint that it has loaded. */
export interface ModelCard {
  /** The name that requests give. */
  readonly name: string;
  readonly can: readonly Kind[];
  readonly defaults: {
    readonly width: number;
    readonly height: number;
    readonly numFrames: number;
    readonly fps: number;
    readonly steps: number;
    readonly guidanceScale: number;
  };
  /** What the upsampler beside it does by default, where there is one. */
  readonly upscale?:
    | { readonly scale: number; readonly steps: number; readonly guidanceScale: number }
    | undefined;
  /** Height and width must be multiples of these. */
  readonly multiple: readonly [height: number, width: number];
  /** The most pixels of all frames together that the worker takes; undefined: any number. */
  readonly maxPixels?: number | undefined;
}

/** What a name of a model may be: it becomes the name of a queue. */
export const MODEL_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** Pixels of all frames together, as a power of two rounded up: jobs that are about equally large. */
export const sizeClass = (pixels: number): number => Math.ceil(Math.log2(pixels));
