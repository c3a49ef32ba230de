// Writes kept clips as files of one size and rate, with their captions, and a manifest of them.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { encodeVideoTo, InputError } from 'moviegen';
import type { Outputs } from 'moviegen/node';
import type { ManifestLine } from '../choose/manifest.ts';
import { framesAtRate } from './clipFrames.ts';

/** How clips are exported. */
export interface ExportOptions {
  readonly folder: string;
  /** Undefined keeps the clip's own, made even. */
  readonly size?: { readonly height: number; readonly width: number } | undefined;
  readonly fps?: number | undefined;
  readonly signal: AbortSignal;
  readonly outputs: Outputs;
  readonly onClip: (count: number) => void;
}

/** A kept line, and where its video lies. */
export interface KeptClip {
  readonly path: string;
  readonly line: ManifestLine;
}

/** The frame rate in front of a caption: an export may have another. */
const RATE = /^FPS-\d+\. /;

/** Writes the clips; those that are there already stay. @returns the lines of the export's own manifest */
export async function exportClips(
  kept: readonly KeptClip[],
  { folder, size, fps, signal, outputs, onClip }: ExportOptions,
): Promise<ManifestLine[]> {
  await outputs.checkFolder(folder);
  const lines: ManifestLine[] = [];
  const even = (value: number) => Math.max(2, value - (value % 2)); // encoders halve the resolution of colour
  for (const { path, line } of kept) {
    const video = line.video!;
    const shape = { height: size?.height ?? even(video.height), width: size?.width ?? even(video.width) };
    const rate = fps ?? video.fps;
    const [start, end] = [line.start!, line.end!];
    const file = nameOf(line, shape, rate);
    const { count, frames } = framesAtRate({ path, start, end }, { ...shape, fps: rate }, signal);
    const target = join(folder, file);
    if (!existsSync(target)) {
      const stream = {
        fps: rate,
        shape: [count, shape.height, shape.width, 3] as const,
        [Symbol.asyncIterator]: () => frames[Symbol.asyncIterator](),
      };
      const writer = await outputs.begin(target);
      try {
        await encodeVideoTo(writer, stream, { format: 'mp4', signal });
        await outputs.commit([writer], signal);
      } catch (error) {
        await outputs.discard([writer]);
        throw error;
      }
    }
    const caption = line.caption?.replace(RATE, '');
    lines.push({
      ...line,
      file,
      start: 0,
      end: count / rate,
      ...(caption !== undefined && { caption: `FPS-${Math.round(rate)}. ${caption}` }),
      video: { ...shape, fps: rate, frames: count, duration: count / rate },
    });
    if (caption !== undefined)
      await outputs.write([
        { path: target.replace(/mp4$/, 'txt'), bytes: new TextEncoder().encode(`${caption}\n`) },
      ]);
    onClip(lines.length);
  }
  const text = lines.map((line) => `${JSON.stringify(line)}\n`).join('');
  await outputs.write(
    [{ path: join(folder, 'manifest.jsonl'), bytes: new TextEncoder().encode(text) }],
    signal,
  );
  return lines;
}

/** A name that says which clip it is, and how it was made. */
function nameOf(
  { file, start }: ManifestLine,
  { width, height }: { width: number; height: number },
  fps: number,
): string {
  const stem = file
    .replace(/\.[^./\\]+$/, '')
    .replace(/[/\\]+/g, '-')
    .replace(/^[.-]+/, '');
  return `${stem}-${Math.round(1000 * start!)}-${width}x${height}-${Number(fps.toFixed(3))}.mp4`;
}

/** A size as `--size` takes it. @throws InputError */
export function sizeOf(text: string): { width: number; height: number } {
  const [, width, height] = /^(\d+)x(\d+)$/.exec(text) ?? [];
  const size = { width: Number(width), height: Number(height) };
  if (!(size.width >= 2 && size.height >= 2) || size.width % 2 === 1 || size.height % 2 === 1)
    throw new InputError(`curate: --size must be WIDTHxHEIGHT of even numbers, like 768x432, got ${text}`);
  return size;
}
