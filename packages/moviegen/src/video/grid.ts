// Several videos side by side in one: rows and columns of cells of one size, played at the same time, with captions below them
// where there are captions.
//
// Layout: a cell is as large as the largest video; smaller videos stand in the middle of their cells. Each row of cells is
// followed by as many lines of text as its longest caption needs.

import { InputError, shown } from '../errors.ts';
import { checkFps, checkFrames, type Frames, frameOf, type Video, type VideoStream } from './frames.ts';
import { GLYPH_GAP, GLYPH_HEIGHT, GLYPH_WIDTH, glyphOf, wrapText } from './pixelFont.ts';

/** Options of {@link gridOf}. */
export interface GridOptions {
  /** The largest number of videos per row. Default 4. */
  readonly columns?: number | undefined;
  /** How many pixels of the grid show one pixel of a video, along each axis. Default 1. */
  readonly scale?: number | undefined;
  /** Pixels around and between the cells. Default 6. */
  readonly gap?: number | undefined;
  /** One text per video. */
  readonly captions?: readonly string[] | undefined;
}

const GROUND = 255;
const INK = 48;
const LINE = GLYPH_HEIGHT + 3;

/**
 * A grid of videos, row by row. It plays at the highest of their rates and as long as the longest of them; a video that has
 * ended shows its last frame.
 * @param videos of any sizes, lengths and rates. They are held in memory; the frames of the grid are made when asked for.
 * @throws InputError where an option makes no sense.
 */
export function gridOf(
  videos: readonly Video[],
  { columns = 4, scale = 1, gap = 6, captions }: GridOptions = {},
): VideoStream {
  if (!Array.isArray(videos)) throw new InputError(`grid: expected an array of videos, got ${shown(videos)}`);
  for (const video of videos) checkFps(checkFrames(video) as Video);
  if (videos.length === 0) throw new InputError('grid: there is no video');
  whole('columns', columns, 1);
  whole('scale', scale, 1);
  whole('gap', gap, 0);
  if (captions !== undefined && captions.length !== videos.length)
    throw new InputError(`grid: got ${captions.length} captions for ${videos.length} videos`);
  const across = Math.min(columns, videos.length);
  const cellHeight = scale * Math.max(...videos.map(({ shape }) => shape[1]));
  const cellWidth = scale * Math.max(...videos.map(({ shape }) => shape[2]));
  const letters = Math.max(1, Math.floor((cellWidth + GLYPH_GAP) / (GLYPH_WIDTH + GLYPH_GAP)));
  const texts = videos.map((_, i) => wrapText(captions?.[i] ?? '', letters));

  const places: { x: number; y: number }[] = [];
  let top = gap;
  for (let first = 0; first < videos.length; first += across) {
    const row = texts.slice(first, first + across);
    for (let i = 0; i < row.length; i++) places.push({ x: gap + i * (cellWidth + gap), y: top });
    top += cellHeight + LINE * Math.max(...row.map((lines) => lines.length)) + gap;
  }
  const even = (size: number) => size + (size % 2); // encoders halve the resolution of colour
  const [height, width] = [even(top), even(gap + across * (cellWidth + gap))];

  const still = new Uint8Array(height * width * 3).fill(GROUND);
  for (const [i, lines] of texts.entries())
    for (const [k, line] of lines.entries())
      drawLine(still, width, places[i]!.x, places[i]!.y + cellHeight + 3 + k * LINE, line);

  const fps = Math.max(...videos.map((video) => video.fps));
  const count = Math.max(...videos.map((video) => Math.round((video.shape[0] / video.fps) * fps)), 1);
  return {
    shape: [count, height, width, 3],
    fps,
    async *[Symbol.asyncIterator]() {
      for (let k = 0; k < count; k++) {
        const data = still.slice();
        for (const [i, video] of videos.entries()) {
          const index = Math.min(video.shape[0] - 1, Math.floor((k * video.fps) / fps + 1e-6));
          const { x, y } = places[i]!;
          const [, H, W] = video.shape;
          const left = x + Math.floor((cellWidth - scale * W) / 2);
          enlarge(data, width, left, y + Math.floor((cellHeight - scale * H) / 2), video, index, scale);
        }
        yield { data, shape: [1, height, width, 3] };
      }
    },
  };
}

/** Draws a frame with each pixel as a square. */
function enlarge(
  data: Uint8Array,
  width: number,
  left: number,
  top: number,
  frames: Frames,
  index: number,
  scale: number,
): void {
  const [, H, W] = frames.shape;
  const frame = frameOf(frames, index);
  for (let y = 0; y < H * scale; y++)
    for (let x = 0; x < W * scale; x++) {
      const from = (Math.floor(y / scale) * W + Math.floor(x / scale)) * 3;
      const to = ((top + y) * width + left + x) * 3;
      for (let c = 0; c < 3; c++) data[to + c] = frame[from + c]!;
    }
}

function drawLine(data: Uint8Array, width: number, left: number, top: number, line: string): void {
  for (const [i, character] of [...line].entries()) {
    const glyph = glyphOf(character);
    for (const [at, set] of glyph.entries()) {
      if (set === 0) continue;
      const x = left + i * (GLYPH_WIDTH + GLYPH_GAP) + (at % GLYPH_WIDTH);
      const y = top + Math.floor(at / GLYPH_WIDTH);
      data.fill(INK, (y * width + x) * 3, (y * width + x) * 3 + 3);
    }
  }
}

function whole(name: string, value: number, least: number): void {
  if (Number.isSafeInteger(value) && value >= least) return;
  throw new InputError(`grid: ${name} must be an integer of at least ${least}, got ${shown(value)}`);
}
