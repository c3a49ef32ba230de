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

/** How many branches guidance has. */
const branchesOf = ({
  guidanceScale: g,
  videoGuidanceScale: v,
}: Pick<GenerationRequest, 'guidanceScale' | 'videoGuidanceScale'>): 1 | 2 | 3 =>
  v !== 1 ? 3 : g === 1 ? 1 : 2;

/** How the branches of guidance are computed: as requested, or else by the size of the activations. */
export function guidanceOf(
  { config, dtype }: Pick<VelocityModel, 'config' | 'dtype'>,
  request: Pick<
    GenerationRequest,
    'guidance' | 'batch' | 'latentShape' | 'guidanceScale' | 'videoGuidanceScale'
  >,
): Guidance {
  const {
    guidance,
    batch,
    latentShape: [, T, H, W],
  } = request;
  if (guidance !== undefined) return guidance;
  const tokens = (T * H * W) / sizeOf(config.patchSize);
  const branches = Math.max(2, branchesOf(request));
  const bytes = branches * batch * tokens * config.hiddenSize * (dtype === 'f16' ? 2 : 4);
  return bytes > BATCHED_BYTES ? 'sequential' : 'batched';
}

/** What conditions need of a request. */
export type ConditionRequest = Pick<
  GenerationRequest,
  'guidance' | 'batch' | 'latentShape' | 'guidanceScale' | 'videoGuidanceScale' | 'fps'
>;

/** The branches of guidance, with the contexts that they own. */
export interface Conditions extends Branches {
  dispose(): void;
}

/**
 * The branches of guidance: the null or negative prompts, where there is guidance, then the prompts; with a scale for what is
 * given, the null prompts without it before them. They are computed in one call, or in one each.
 */
export async function conditionsOf(
  { text, dit }: { readonly text: TextEncoders; readonly dit: VelocityModel },
  videos: readonly Pick<RequestedVideo, 'prompt' | 'negativePrompt'>[],
  request: ConditionRequest,
  given: Omit<GivenLatents, 'dispose'>,
  signal: AbortSignal | undefined,
): Promise<Conditions> {
  const { fps, guidanceScale, videoGuidanceScale } = request;
  const count = branchesOf(request);
  const prompts = videos.map(({ prompt }) => prompt);
  const negatives = count === 1 ? [] : videos.map(({ negativePrompt }) => negativePrompt);
  const states = text.encode([...negatives, ...prompts], { fps });
  const owned: { dispose(): void }[] = [];
  const own = <T extends { dispose(): void }>(made: T): T => {
    owned.push(made);
    return made;
  };
  const B = prompts.length;
  const [none, said] = [[0, B] as const, [negatives.length, negatives.length + B] as const];
  const contextOf = (...rows: readonly (readonly [number, number])[]): Promise<Context> =>
    scopeAsync(dit.device, async () => {
      const tasks =
        given.task === undefined ? undefined : new Array<number>(rows.length * B).fill(given.task);
      const some = rowsOf(states, rows);
      // Without text encoders there is no text.
      if (Object.keys(some).length === 0) return { batch: rows.length * B, layers: undefined, dispose() {} };
      return dit instanceof StreamedDiT
        ? dit.contextAsync(some, { signal, tasks })
        : dit.context(some, { tasks });
    }).then(own);
  const { shown, nothing } = given;
  const branches = [
    { rows: none, given: nothing },
    { rows: none, given: shown },
    { rows: said, given: shown },
  ].slice(3 - count);
  const together = count > 1 && guidanceOf(dit, request) === 'batched';
  const dispose = () => {
    for (const one of owned) one.dispose();
  };
  try {
    const calls: Call[] = [];
    if (together) {
      const same = count < 3 || shown === nothing;
      const all = same
        ? shown
        : own(
            rowsOfGiven(
              branches.map((branch) => branch.given),
              B,
            ),
          );
      calls.push({ context: await contextOf(...branches.map(({ rows }) => rows)), given: all });
    } else
      for (const [i, { rows, given: seen }] of branches.entries()) {
        const before = branches.findIndex((branch) => branch.rows === rows);
        calls.push({ context: before < i ? calls[before]!.context : await contextOf(rows), given: seen });
      }
    const scales = [[], [guidanceScale], [videoGuidanceScale, guidanceScale]][count - 1]!;
    return { calls, scales, dispose };
  } catch (error) {
    dispose();
    throw error;
  } finally {
    for (const { states: tensor } of Object.values(states)) tensor.dispose();
  }
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
  { fps, guidanceScale, videoGuidanceScale }: GenerationRequest,
): string[] {
  const guided = branchesOf({ guidanceScale, videoGuidanceScale }) > 1;
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
