// Pictures out of a file, as the platform and the readers of picture files hand them on.

/** Pictures that are read, whatever the file is called. */
export type PictureKind = 'PNG' | 'GIF' | 'JPEG' | 'WebP' | 'AVIF' | 'BMP' | 'TIFF' | 'HEIC';

/** A frame of an animation: 8-bit RGBA, [H, W, 4], and for how long it is shown. */
export interface AnimationFrame {
  readonly data: Uint8ClampedArray | Uint8Array;
  readonly seconds: number;
}

/** Pictures of one size, one after the other; a still picture is a single one. */
export interface Animation {
  readonly height: number;
  readonly width: number;
  readonly frames: readonly AnimationFrame[];
}
