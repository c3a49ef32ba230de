// The conditions of Movie Gen's velocity: the contexts of the prompts, and of the null or negative prompts before them.

import { type Context, StreamedDiT, type TextStates, type VelocityModel } from '@moviegen/dit';
import { sizeOf } from '@moviegen/kernels';
import { concat, scope, scopeAsync, slice, Tensor } from '@moviegen/tensor';
import { droppedNote, type TextEncoders } from '@moviegen/text';
import type { GenerationRequest, Guidance, RequestedVideo } from '../../generate/request.ts';
import type { Branches, Call } from './branches.ts';
import type { GivenLatents } from './given.ts';

/** Up to this size of one activation of the double batch, the branches of guidance share one batch by default. */
const BATCHED_BYTES = 2 ** 29;

/** What one branch of guidance is told and shown. */
interface Branch {
  /** The prompt, or the null or negative prompt. */
  readonly said: boolean;
  /** What is given beside the latents, or what stands for nothing. */
  readonly shown: boolean;
  /** The reference picture, or none. */
  readonly pictured: boolean;
}

type Scales = Pick<GenerationRequest, 'guidanceScale' | 'videoGuidanceScale' | 'referenceGuidanceScale'>;

/** The branches of guidance, the emptiest one first, and the scales by which they are combined. */
function branchesOf({ guidanceScale: g, videoGuidanceScale: v, referenceGuidanceScale: r }: Scales): {
  readonly branches: readonly Branch[];
  readonly scales: readonly number[];
} {
  const all = { said: true, shown: true, pictured: true };
  const silent = { said: false, shown: true, pictured: false };
  if (v !== 1) return { branches: [{ ...silent, shown: false }, silent, all], scales: [v, g] };
  const pictured = { ...silent, pictured: true };
  // As one scale for both, r = g has no need of a branch with the picture alone; r = 1 none of a branch without it.
  if (r !== undefined && r !== 1 && r !== g) return { branches: [silent, pictured, all], scales: [r, g] };
  if (g === 1) return { branches: [all], scales: [] };
  return { branches: [r === 1 ? pictured : silent, all], scales: [g] };
}

/** How the branches of guidance are computed: as requested, or else by the size of the activations. */
export function guidanceOf(
  { config, dtype }: Pick<VelocityModel, 'config' | 'dtype'>,
  request: Pick<GenerationRequest, 'guidance' | 'batch' | 'latentShape' | keyof Scales>,
): Guidance {
  const {
    guidance,
    batch,
    latentShape: [, T, H, W],
  } = request;
  if (guidance !== undefined) return guidance;
  const tokens = (T * H * W) / sizeOf(config.patchSize);
  const branches = Math.max(2, branchesOf(request).branches.length);
  const bytes = branches * batch * tokens * config.hiddenSize * (dtype === 'f16' ? 2 : 4);
  return bytes > BATCHED_BYTES ? 'sequential' : 'batched';
}

/** What conditions need of a request. */
export type ConditionRequest = Pick<
  GenerationRequest,
  'guidance' | 'batch' | 'latentShape' | keyof Scales | 'fps'
>;

/** The branches of guidance, with the contexts that they own. */
export interface Conditions extends Branches {
  dispose(): void;
}

/**
 * The branches of guidance: the null or negative prompts, where there is guidance, then the prompts; with a scale for what is
 * given, or for the reference picture, the null prompts without it before them. They are computed in one call, or in one each.
 */
export async function conditionsOf(
  { text, dit }: { readonly text: TextEncoders; readonly dit: VelocityModel },
  videos: readonly Pick<RequestedVideo, 'prompt' | 'negativePrompt'>[],
  request: ConditionRequest,
  given: Omit<GivenLatents, 'dispose'>,
  signal: AbortSignal | undefined,
): Promise<Conditions> {
  const { branches, scales } = branchesOf(request);
  const prompts = videos.map(({ prompt }) => prompt);
  const negatives = branches.length === 1 ? [] : videos.map(({ negativePrompt }) => negativePrompt);
  const states = text.encode([...negatives, ...prompts], { fps: request.fps });
  const owned: { dispose(): void }[] = [];
  const own = <T extends { dispose(): void }>(made: T): T => {
    owned.push(made);
    return made;
  };
  const B = prompts.length;
  const [none, said] = [[0, B] as const, [negatives.length, negatives.length + B] as const];
  const contextOf = (...some: readonly Branch[]): Promise<Context> =>
    scopeAsync(dit.device, async () => {
      const rows = some.length * B;
      const tasks = given.task === undefined ? undefined : new Array<number>(rows).fill(given.task);
      const read = {
        ...rowsOf(
          states,
          some.map((branch) => (branch.said ? said : none)),
        ),
        ...visionOf(
          given.reference,
          some.flatMap(({ pictured }) => new Array<boolean>(B).fill(pictured)),
        ),
      };
      // Without text encoders there is no text.
      if (Object.keys(read).length === 0) return { batch: rows, layers: undefined, dispose() {} };
      return dit instanceof StreamedDiT
        ? dit.contextAsync(read, { signal, tasks })
        : dit.context(read, { tasks });
    }).then(own);
  const { shown, nothing } = given;
  const seenBy = (branch: Branch) => (branch.shown ? shown : nothing);
  const together = branches.length > 1 && guidanceOf(dit, request) === 'batched';
  const dispose = () => {
    for (const one of owned) one.dispose();
  };
  try {
    const calls: Call[] = [];
    if (together) {
      const same = shown === nothing || branches.every((branch) => branch.shown);
      const all = same ? shown : own(rowsOfGiven(branches.map(seenBy), B));
      calls.push({ context: await contextOf(...branches), given: all });
    } else
      for (const [i, branch] of branches.entries()) {
        const alike = ({ said, pictured }: Branch) =>
          said === branch.said && (pictured === branch.pictured || given.reference === undefined);
        const before = branches.findIndex(alike);
        const context = before < i ? calls[before]!.context : await contextOf(branch);
        calls.push({ context, given: seenBy(branch) });
      }
    return { calls, scales, dispose };
  } catch (error) {
    dispose();
    throw error;
  } finally {
    for (const { states: tensor } of Object.values(states)) tensor.dispose();
  }
}

/** The states of a reference picture for each row: none where a branch is not shown it. */
function visionOf(reference: Tensor | undefined, pictured: readonly boolean[]): TextStates {
  if (reference === undefined || !pictured.includes(true)) return {};
  const states = concat(new Array<Tensor>(pictured.length).fill(reference), { axis: 0 });
  return { vision: { states, lengths: pictured.map((is) => (is ? reference.shape[1]! : 0)) } };
}

/** What each branch is given as one batch, B samples each: zeros where it is nothing. [branches B, N, D] */
function rowsOfGiven(branches: readonly (Tensor | undefined)[], B: number): Tensor {
  const some = branches.find((one) => one !== undefined)!;
  const { device, shape } = some;
  return scope(device, () => {
    const zeros = branches.includes(undefined) ? Tensor.zeros(device, shape, some.dtype) : some;
    return concat(
      branches.flatMap((one) => new Array<Tensor>(B).fill(one ?? zeros)),
      { axis: 0 },
    );
  });
}

/** How many tokens of a video's prompts lie beyond what an encoder reads, a line each. */
export function promptNotes(
  text: TextEncoders,
  { prompt, negativePrompt }: RequestedVideo,
  request: GenerationRequest,
): string[] {
  const { fps } = request;
  const guided = branchesOf(request).branches.length > 1;
  const prompts = { prompt, ...(guided && { 'negative prompt': negativePrompt }) };
  return Object.entries(prompts).flatMap(([what, said]) =>
    text
      .dropped(said, { fps })
      .map(({ encoder, tokens, most }) => droppedNote(`generate: the ${what}`, encoder, tokens, most)),
  );
}

/** The states of some of the prompts, rows after rows. */
function rowsOf(all: TextStates, ranges: readonly (readonly [from: number, to: number])[]): TextStates {
  const rows = Object.entries(all).map(([name, { states, lengths }]) => {
    const parts = ranges.map(([from, to]) => slice(states, { start: [from], end: [to] }));
    const whole = parts.length === 1 ? parts[0]! : concat(parts, { axis: 0 });
    return [name, { states: whole, lengths: ranges.flatMap(([from, to]) => lengths.slice(from, to)) }];
  });
  return Object.fromEntries(rows);
}
