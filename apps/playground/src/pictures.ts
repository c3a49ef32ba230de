// Draws RGB frames on canvases.

/** 8-bit RGB, row-major. */
export interface Picture {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
}

/** One frame of many. */
export function frameAt(
  video: { readonly data: Uint8Array; readonly shape: readonly [number, number, number, 3] },
  index: number,
): Picture {
  const [, height, width] = video.shape;
  const size = height * width * 3;
  return { data: video.data.subarray(index * size, (index + 1) * size), width, height };
}

/** A picture whose left part, up to a share of its width, is of another picture of the same size. */
export function beside(left: Picture, right: Picture, share: number): Picture {
  const { width, height } = right;
  const bytes = Math.round(width * share) * 3;
  const data = right.data.slice();
  for (let y = 0; y < height; y++) {
    const from = y * width * 3;
    data.set(left.data.subarray(from, from + bytes), from);
  }
  return { data, width, height };
}

/** Draws a picture on a canvas, which gets the picture's size. */
export function draw(canvas: HTMLCanvasElement, picture: Picture): void {
  const { width, height } = picture;
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  put(canvas, picture, 0);
}

/** Draws a picture on a canvas, with its left edge at column `x`. */
export function put(canvas: HTMLCanvasElement, { data, width, height }: Picture, x: number): void {
  const image = new ImageData(width, height);
  for (let from = 0, to = 0; from < data.length; from += 3, to += 4) {
    image.data[to] = data[from]!;
    image.data[to + 1] = data[from + 1]!;
    image.data[to + 2] = data[from + 2]!;
    image.data[to + 3] = 255;
  }
  // Kept in main memory: pictures this small are not worth a wait for the GPU, which the worker keeps busy.
  canvas.getContext('2d', { willReadFrequently: true })?.putImageData(image, x, 0);
}
