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

/** EXIF's orientations 1 to 8: how a camera's picture is turned, and then mirrored left to right. */
const ORIENTATIONS = [
  [0, false],
  [0, true],
  [180, false],
  [180, true],
  [90, true],
  [90, false],
  [270, true],
  [270, false],
] as const;

/** A picture turned as EXIF's orientation says; 1 leaves it as it is. */
export function orientedAs(picture: Picture, orientation: number): Picture {
  const [rotation, flip] = ORIENTATIONS[orientation - 1] ?? ORIENTATIONS[0];
  return oriented(picture, rotation, flip);
}

/** The orientation in EXIF data (a TIFF structure, tag 0x0112 of its first directory); 1 where there is none. */
export function exifOrientation(exif: Uint8Array | undefined): number {
  if (exif === undefined || exif.length < 14) return 1;
  const view = new DataView(exif.buffer, exif.byteOffset, exif.byteLength);
  const little = view.getUint16(0) === 0x4949;
  const directory = view.getUint32(4, little);
  if (directory + 2 > exif.length) return 1;
  const count = view.getUint16(directory, little);
  for (let at = directory + 2, i = 0; i < count && at + 12 <= exif.length; i++, at += 12)
    if (view.getUint16(at, little) === 0x0112) return view.getUint16(at + 8, little);
  return 1;
}
