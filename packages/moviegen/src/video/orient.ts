// Turns a frame as it is meant to be seen: cameras write pixels in the order of their sensor, and write beside them how to turn
// the picture.

/** Pixels of a frame, 8-bit RGB, [H, W, 3]. */
export interface Picture {
  readonly data: Uint8Array<ArrayBuffer>;
  readonly height: number;
  readonly width: number;
}

/** Turns a frame clockwise by `rotation` degrees; then, with `flip`, mirrors it left to right. */
export function oriented(picture: Picture, rotation: 0 | 90 | 180 | 270, flip: boolean): Picture {
  if (rotation === 0 && !flip) return picture;
  const { data, height, width } = picture;
  const [H, W] = rotation % 180 === 0 ? [height, width] : [width, height];
  const turned = new Uint8Array(data.length);
  let to = 0;
  for (let y = 0; y < H; y++)
    for (let x = 0; x < W; x++) {
      const across = flip ? W - 1 - x : x;
      const [fromY, fromX] = sourceOf(rotation, y, across, height, width);
      const from = (fromY * width + fromX) * 3;
      for (let c = 0; c < 3; c++) turned[to++] = data[from + c]!;
    }
  return { data: turned, height: H, width: W };
}

/** The place in the original frame of the pixel (y, x) of the turned frame. */
function sourceOf(rotation: number, y: number, x: number, height: number, width: number): [number, number] {
  if (rotation === 90) return [height - 1 - x, y];
  if (rotation === 180) return [height - 1 - y, width - 1 - x];
  if (rotation === 270) return [x, width - 1 - y];
  return [y, x];
}
