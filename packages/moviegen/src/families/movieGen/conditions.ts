// The conditions of Movie Gen's velocity: the contexts of the prompts, and of the null or negative prompts before them.

import { type Context, StreamedDiT, type TextStates, type VelocityModel } from '@moviegen/dit';
import { sizeOf } from '@moviegen/kernels';
import { scopeAsync, slice } from '@moviegen/tensor';
import { droppedNote, type TextEncoders } from '@moviegen/text';
import type { GenerationRequest, Guidance, RequestedVideo } from '../../generate/request.ts';

/** Up to this size of one activation of the double batch, the branches of guidance share one batch by default. */
const BATCHED_BYTES = 2 ** 29;

/** How the branches of guidance are computed: as requested, or else by the size of the activations. */
export function guidanceOf(
  { config, dtype }: Pick<VelocityModel, 'config' | 'dtype'>,
  {
    guidance,
    batch,
    latentShape: [, T, H, W],
  }: Pick<GenerationRequest, 'guidance' | 'batch' | 'latentShape'>,
): Guidance {
  if (guidance !== undefined) return guidance;
  const tokens = (T * H * W) / sizeOf(config.patchSize);
  const bytes = 2 * batch * tokens * config.hiddenSize * (dtype === 'f16' ? 2 : 4);
  return bytes > BATCHED_BYTES ? 'sequential' : 'batched';
}

/**
 * The keys and values that cross-attention needs: for the prompts and, with guidance, for the null or negative prompts before
 * them. They are in one context, or in one per branch.
 */
export async function contextsOf(
  { text, dit }: { readonly text: TextEncoders; readonly dit: VelocityModel },
  videos: readonly RequestedVideo[],
  request: GenerationRequest,
  signal: AbortSignal | undefined,
): Promise<Context[]> {
  const { fps, guidanceScale } = request;
  const guidance = guidanceOf(dit, request);
  const prompts = videos.map(({ prompt }) => prompt);
  const negatives = guidanceScale === 1 ? [] : videos.map(({ negativePrompt }) => negativePrompt);
  const states = text.encode([...negatives, ...prompts], { fps });
  const branch = (from: number, to: number): Promise<Context> =>
    scopeAsync(dit.device, async () => {
      const rows = rowsOf(states, from, to);
      return dit instanceof StreamedDiT ? dit.contextAsync(rows, { signal }) : dit.context(rows);
    });
  const [B, rows] = [prompts.length, negatives.length + prompts.length];
  const cuts = rows === B || guidance === 'batched' ? [0, rows] : [0, B, rows];
  const contexts: Context[] = [];
  try {
    for (const [i, to] of cuts.slice(1).entries()) contexts.push(await branch(cuts[i]!, to));
    return contexts;
  } catch (error) {
    for (const context of contexts) context.dispose();
    throw error;
  } finally {
    for (const { states: tensor } of Object.values(states)) tensor.dispose();
  }
}

/** How many tokens of a video's prompts lie beyond what an encoder reads, a line each. */
export function promptNotes(
  text: TextEncoders,
  { prompt, negativePrompt }: RequestedVideo,
  { fps, guidanceScale }: GenerationRequest,
): string[] {
  const prompts = { prompt, ...(guidanceScale !== 1 && { 'negative prompt': negativePrompt }) };
  return Object.entries(prompts).flatMap(([what, said]) =>
    text
      .dropped(said, { fps })
      .map(({ encoder, tokens, most }) => droppedNote(`generate: the ${what}`, encoder, tokens, most)),
  );
}

/** The states of some of the prompts. */
function rowsOf(all: TextStates, from: number, to: number): TextStates {
  const rows = Object.entries(all).map(([name, { states, lengths }]) => [
    name,
    { states: slice(states, { start: [from], end: [to] }), lengths: lengths.slice(from, to) },
  ]);
  return Object.fromEntries(rows);
}
