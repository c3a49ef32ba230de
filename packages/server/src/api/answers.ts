// Videos, models and characters as answers, field for field as OpenAI's API has them; what it does not have comes after.

import type { CharacterRow, VideoRow } from '../jobs/rows.ts';
import type { ModelCard } from '../models.ts';

const unix = (date: Date | null): number | null => (date === null ? null : Math.floor(date.getTime() / 1000));

/** A number without needless digits: `1`, `2.5`. */
const short = (value: number): string => String(Math.round(value * 1000) / 1000);

/** A video. */
export function videoAnswer(row: VideoRow) {
  const { request } = row;
  return {
    id: row.id,
    object: 'video' as const,
    model: row.model,
    status: row.status,
    progress: Math.floor(row.progress),
    created_at: unix(row.created)!,
    completed_at: row.status === 'completed' ? unix(row.completed) : null,
    expires_at: unix(row.expires),
    error: row.error,
    prompt: request.prompt,
    remixed_from_video_id: request.remixedFrom,
    seconds: short(request.totalFrames / request.fps),
    size: `${request.width}x${request.height}`,
    // Ours:
    kind: request.kind,
    seed: Number(request.seed) <= Number.MAX_SAFE_INTEGER ? Number(request.seed) : request.seed,
    steps: request.steps,
    guidance_scale: request.guidanceScale,
    negative_prompt: request.negativePrompt,
    num_frames: request.totalFrames,
    fps: request.fps,
  };
}

/** A page of a list. */
export const pageAnswer = <T extends { readonly id: string }>(data: readonly T[], hasMore: boolean) => ({
  object: 'list' as const,
  data,
  first_id: data[0]?.id ?? null,
  last_id: data.at(-1)?.id ?? null,
  has_more: hasMore,
});

/** A model, and what it allows. */
export function modelAnswer(card: ModelCard, created: Date) {
  const { width, height, numFrames, fps, steps, guidanceScale } = card.defaults;
  return {
    id: card.name,
    object: 'model' as const,
    created: unix(created)!,
    owned_by: 'moviegen',
    // Ours:
    kinds: card.can,
    size: `${width}x${height}`,
    size_multiple: { width: card.multiple[1], height: card.multiple[0] },
    seconds: short(numFrames / fps),
    num_frames: numFrames,
    fps,
    steps,
    guidance_scale: guidanceScale,
    max_pixels: card.maxPixels ?? null,
  };
}

/** A character. */
export const characterAnswer = ({ id, name, created }: CharacterRow) => ({
  id,
  object: 'character' as const,
  name,
  created_at: unix(created)!,
});
