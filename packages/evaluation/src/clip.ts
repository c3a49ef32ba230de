// A video as worlds draw it and judges see it. `moviegen` has types of the same structure for its frames, so that videos pass
// both ways, although neither the drawing nor the judging imports it.

/** Frames of a video, 8-bit RGB. */
export interface Clip {
  /** Row-major [T, H, W, 3]. */
  readonly data: Uint8Array<ArrayBuffer>;
  readonly shape: readonly [frames: number, height: number, width: number, channels: 3];
}

/** A clip with the rate at which it is shown. */
export interface TimedClip extends Clip {
  /** Frames per second. */
  readonly fps: number;
}
