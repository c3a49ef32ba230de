// Measures of a whole film while its frames come: a few numbers per frame, and of sampled frames their lines. Clips are chosen
// when all of it is known, so nothing here depends on where a clip will begin.

import { rgbOfStored, type StoredPixels } from 'moviegen';
import { type FrameLines, linesOf } from './borders.ts';
import { type FrameMove, frameMove } from './camera.ts';
import { ChangeMeter } from './change.ts';
import { ContentMeter, thinningOf } from './content.ts';
import { differenceHash, type Hash } from './hash.ts';
import { type Luma, reduced } from './luma.ts';
import { type Appearance, appearanceOf } from './sharpness.ts';
import { meanLength, type Reduced, ROWS, searchSize, VectorMeter } from './vectors.ts';

/** Seconds from one sampled frame to the next. */
export const SAMPLE_SECONDS = 0.5;

/** What a sampled frame tells. */
export interface Sample extends Appearance {
  readonly frame: number;
  readonly lines: FrameLines;
}

/** What is known of a film, frame by frame. */
export interface FilmMeasures {
  /** Of the frames as they are stored. */
  readonly height: number;
  readonly width: number;
  /** When each frame is shown, in seconds from the first one. */
  readonly times: readonly number[];
  /** When the last one is no longer shown. */
  readonly end: number;
  /** Motion scores; the first is 0. */
  readonly motion: readonly number[];
  /** 100 / 256 x mean |Y - Y before|. */
  readonly differences: readonly number[];
  /** The mean change of hue, saturation and value. */
  readonly content: readonly number[];
  /** Mean lengths of motion vectors, in pixels at 360 rows. */
  readonly vectors: readonly number[];
  /** The move of the whole frame; undefined where frames are stored turned. */
  readonly moves: readonly (FrameMove | undefined)[];
  readonly hashes: readonly Hash[];
  readonly samples: readonly Sample[];
}

/** Measures a film frame by frame. */
export class FilmMeter {
  readonly #change = new ChangeMeter();
  readonly #content = new ContentMeter();
  readonly #search = new VectorMeter();
  #size: { height: number; width: number } | undefined;
  #sampled = Number.NEGATIVE_INFINITY;
  readonly #times: number[] = [];
  readonly #motion: number[] = [];
  readonly #differences: number[] = [];
  readonly #contents: number[] = [];
  readonly #vectors: number[] = [];
  readonly #moves: (FrameMove | undefined)[] = [];
  readonly #hashes: Hash[] = [];
  readonly #samples: Sample[] = [];

  /** How many frames were measured. */
  get frames(): number {
    return this.#times.length;
  }

  /** Measures the next frame. @param turned whether the file says that it is to be turned @throws RangeError where the size changes */
  push(time: number, pixels: StoredPixels, turned = false): void {
    const { height, width, bits, luma: plane } = pixels;
    this.#size ??= { height, width };
    if (height !== this.#size.height || width !== this.#size.width)
      throw new RangeError(
        `its frames change their size from ${this.#size.width}x${this.#size.height} to ${width}x${height} in frame ${this.frames}`,
      );
    const luma: Luma = { data: plane.data, stride: plane.stride, height, width, perStep: 2 ** (bits - 8) };
    const { motion, difference } = this.#change.push(luma);
    const every = thinningOf(width);
    const thinned = rgbOfStored(pixels, every);
    const [h, w] = searchSize(height, width);
    const small: Reduced = { data: reduced(luma, h, w), height: h, width: w };
    const vectors = this.#search.push(small);
    if (time - this.#sampled >= SAMPLE_SECONDS - 1e-6) {
      this.#samples.push({ frame: this.frames, lines: linesOf(luma), ...appearanceOf(luma) });
      this.#sampled = time;
    }
    this.#motion.push(motion);
    this.#differences.push(difference);
    this.#contents.push(this.#content.push(thinned));
    this.#vectors.push(meanLength(vectors, h));
    this.#moves.push(turned || this.frames === 0 ? undefined : frameMove(vectors, ROWS / h));
    this.#hashes.push(
      differenceHash(reduced({ ...small, stride: w, perStep: 1 }, Math.min(8, h), Math.min(9, w))),
    );
    this.#times.push(time);
  }

  /** What was measured. @param end when the last frame is no longer shown, in seconds */
  finish(end: number): FilmMeasures {
    return {
      height: this.#size?.height ?? 0,
      width: this.#size?.width ?? 0,
      times: this.#times,
      end,
      motion: this.#motion,
      differences: this.#differences,
      content: this.#contents,
      vectors: this.#vectors,
      moves: this.#moves,
      hashes: this.#hashes,
      samples: this.#samples,
    };
  }
}
