// A Wan checkpoint's `model_index.json` as diffusers writes it: which folder holds which model, and how many experts there are.
// The files in those folders are opened elsewhere (open.ts); what sizes and steps a model is made for is in defaults.ts.

import { CheckpointError, shown } from '../../errors.ts';

/** Pipelines of diffusers that this family loads; in the second one a picture is given. */
export const WAN_PIPELINES = ['WanPipeline', 'WanImageToVideoPipeline'] as const;

/** The contents of a `model_index.json` of Wan. */
export interface WanIndex {
  readonly pipeline: (typeof WAN_PIPELINES)[number];
  /** Folders. */
  readonly transformer: string;
  /** The expert for low noise, where there are two. */
  readonly transformer2: string | undefined;
  readonly vae: string;
  readonly textEncoder: string;
  readonly tokenizer: string;
  readonly scheduler: string;
  /** CLIP's image tower, which the image models of Wan 2.1 read. */
  readonly imageEncoder: string | undefined;
  /** The share of 1000 from which on, upwards, the first expert is asked. */
  readonly boundaryRatio: number | undefined;
  /** Whether each token has its own time: a given first frame is then without noise. */
  readonly expandTimesteps: boolean;
}

const PARTS = ['transformer', 'vae', 'text_encoder', 'tokenizer', 'scheduler'] as const;

/**
 * Reads a `model_index.json`.
 * @param path the file's path for messages.
 * @throws CheckpointError listing everything that is wrong.
 */
export function parseWanIndex(json: unknown, path = 'model_index.json'): WanIndex {
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw new CheckpointError(`checkpoint: ${path} must hold an object, got ${shown(json)}`);
  const given = json as Readonly<Record<string, unknown>>;
  const problems: string[] = [];
  const pipeline = WAN_PIPELINES.find((name) => name === given._class_name);
  if (pipeline === undefined)
    problems.push(`_class_name: got ${shown(given._class_name)}, expected ${WAN_PIPELINES.join(' or ')}`);
  // An entry is [library, class]; a part that the pipeline does not have is [null, null], or left out by older releases.
  const has = (part: string): boolean => {
    const entry = given[part] ?? [null, null];
    if (Array.isArray(entry) && entry.length === 2) return entry[0] !== null;
    problems.push(`${part}: got ${shown(entry)}, expected [library, class]`);
    return false;
  };
  const absent = PARTS.filter((part) => !has(part));
  if (absent.length > 0) problems.push(`these parts are not there: ${absent.join(', ')}`);
  const transformer2 = has('transformer_2');
  const boundary = given.boundary_ratio ?? undefined;
  const isShare = typeof boundary === 'number' && boundary > 0 && boundary < 1;
  if (boundary !== undefined && !isShare)
    problems.push(`boundary_ratio: got ${shown(boundary)}, expected a number between 0 and 1`);
  if (transformer2 !== (boundary !== undefined))
    problems.push(
      transformer2
        ? 'transformer_2 is there, but no boundary_ratio says when it takes over'
        : `boundary_ratio is ${shown(boundary)}, but there is no transformer_2`,
    );
  const expand = given.expand_timesteps ?? false;
  if (typeof expand !== 'boolean')
    problems.push(`expand_timesteps: got ${shown(expand)}, expected true or false`);
  if (problems.length > 0)
    throw new CheckpointError(`checkpoint: ${path} is wrong:\n  ${problems.join('\n  ')}`);
  return {
    pipeline: pipeline!,
    transformer: 'transformer',
    transformer2: transformer2 ? 'transformer_2' : undefined,
    vae: 'vae',
    textEncoder: 'text_encoder',
    tokenizer: 'tokenizer',
    scheduler: 'scheduler',
    imageEncoder: has('image_encoder') ? 'image_encoder' : undefined,
    boundaryRatio: boundary as number | undefined,
    expandTimesteps: expand as boolean,
  };
}
