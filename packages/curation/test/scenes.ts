// Small clips with known faults, drawn from coloured textures and written by the library's own encoder.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodeVideo, type Video } from 'moviegen';

export const FPS = 6;
/** Frames of a clip of five seconds. */
export const FRAMES = 5 * FPS;

/** A smooth coloured texture without an end: sums of waves, by a seed. */
export function texture(seed: number): (x: number, y: number) => readonly [number, number, number] {
  let state = seed * 2654435761 + 12345;
  const random = () => {
    state = (Math.imul(state ^ (state >>> 15), 2246822519) + 3266489917) >>> 0;
    return state / 2 ** 32;
  };
  const waves = [0, 1, 2].map(() =>
    Array.from({ length: 4 }, () => ({
      u: (random() - 0.5) * 0.5,
      v: (random() - 0.5) * 0.5,
      phase: random() * 2 * Math.PI,
    })),
  );
  return (x, y) =>
    waves.map((own) => {
      const sum = own.reduce((total, { u, v, phase }) => total + Math.sin(u * x + v * y + phase), 0);
      return Math.min(255, Math.max(0, 128 + 45 * sum));
    }) as unknown as readonly [number, number, number];
}

/** What is seen in frame k: a texture, and where it is looked at. */
export interface View {
  readonly seed: number;
  readonly x: number;
  readonly y: number;
}

/** How a clip is drawn. */
export interface Scene {
  readonly width?: number;
  readonly height?: number;
  readonly frames?: number;
  /** Pixels of black at the top and the bottom, and at the left and the right. */
  readonly bars?: readonly [rows: number, columns: number];
  readonly view: (k: number) => View;
}

/** Draws a clip. The texture is scaled with the height, so that sizes show the same. */
export function drawScene({ width = 48, height = 32, frames = FRAMES, bars = [0, 0], view }: Scene): Video {
  const data = new Uint8Array(frames * height * width * 3);
  const scale = 32 / height;
  for (let k = 0, to = 0; k < frames; k++) {
    const { seed, x: left, y: top } = view(k);
    const colour = texture(seed);
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++, to += 3) {
        if (y < bars[0] || y >= height - bars[0] || x < bars[1] || x >= width - bars[1]) continue;
        data.set(colour(x * scale + left, y * scale + top), to);
      }
  }
  return { data, shape: [frames, height, width, 3], fps: FPS };
}

/** A texture that moves evenly. */
export const pan =
  (seed: number, dx = 1.5, dy = 0.5): Scene['view'] =>
  (k) => ({ seed, x: dx * k, y: dy * k });

/** Writes a clip to a folder. */
export async function writeScene(folder: string, name: string, scene: Scene): Promise<void> {
  const format = name.endsWith('.webm') ? 'webm' : 'mp4';
  writeFileSync(join(folder, name), await encodeVideo(drawScene(scene), { format }));
}
