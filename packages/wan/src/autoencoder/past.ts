// What a coder remembers between the pieces of a video: the last frames of the input of each layer that looks back in time.
// With it the pieces are coded exactly as the whole video would be.

import { concat, keep, slice, type Tensor } from '@moviegen/tensor';

/** The frames before the piece at hand, by the layer that needs them. */
export class Past {
  readonly #frames = new Map<string, Tensor>();
  readonly #from: Past | undefined;
  #pieces = 0;

  /** @param from a past that this one shows for a rehearsal of the next piece: neither remembers anything of it. */
  constructor(from?: Past) {
    this.#from = from;
    this.#pieces = from?.pieces ?? 0;
  }

  /** How many pieces were coded before. */
  get pieces(): number {
    return this.#pieces;
  }

  /** The frames that a layer remembers, [B, n, H, W, C]; undefined where it has seen none. */
  of(path: string): Tensor | undefined {
    return this.#frames.get(path) ?? this.#from?.of(path);
  }

  /** Remembers the last `count` frames of all that a layer has seen; x [B, T, H, W, C] comes after what it remembers. */
  remember(path: string, x: Tensor, count: number): void {
    const [B, T] = x.shape as [number, number];
    const last = (of: Tensor, n: number) =>
      slice(of, { start: [0, Math.max(0, of.shape[1]! - n)], end: [B, of.shape[1]!] });
    const before = this.of(path);
    let frames = last(x, count);
    if (before && T < count) {
      const older = last(before, count - T);
      const newer = frames;
      frames = concat([older, newer], { axis: 1 });
      older.dispose();
      newer.dispose();
    }
    this.#frames.get(path)?.dispose();
    if (this.#from) frames.dispose();
    else this.#frames.set(path, keep(frames));
  }

  /** Says that a piece is done. */
  next(): void {
    this.#pieces++;
  }

  /** Forgets everything. */
  dispose(): void {
    for (const frames of this.#frames.values()) frames.dispose();
    this.#frames.clear();
  }
}
