// When an mp4 or mov ends by its edit list, which phones and editors write to trim a video without touching its frames.
// The beginning is the demuxer's affair.

/** Boxes that hold boxes on the way to an edit list. */
const CONTAINERS = new Set(['moov', 'trak', 'edts', 'mdia']);
/** An index of more bytes is not searched. */
const MOST_BYTES = 2 ** 26;

/** The end of the video track in seconds from its beginning; undefined where no edit list says, or none that can be read. */
export async function editEnd(file: Blob): Promise<number | undefined> {
  return endOfTrack(file).catch(() => undefined); // what is wrong with a broken index, its demuxer says
}

async function endOfTrack(file: Blob): Promise<number | undefined> {
  const moov = await findMoov(file);
  if (moov === undefined) return undefined;
  let movieScale = 0;
  let end: number | undefined;
  for (const { type, body } of boxes(moov)) {
    const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
    if (type === 'mvhd') movieScale = view.getUint32(body[0] === 1 ? 20 : 12);
    if (type !== 'trak' || !isVideo(body)) continue;
    for (const { type: inner, body: edits } of boxes(body)) if (inner === 'elst') end = endOf(edits);
  }
  return end === undefined || movieScale === 0 ? undefined : end / movieScale;
}

async function findMoov(file: Blob): Promise<Uint8Array | undefined> {
  for (let at = 0; at + 16 <= file.size; ) {
    const view = new DataView(await file.slice(at, at + 16).arrayBuffer());
    const type = new TextDecoder('latin1').decode(view).slice(4, 8);
    if (at === 0 && !['ftyp', 'moov', 'mdat', 'free', 'wide', 'skip'].includes(type)) return undefined;
    const short = view.getUint32(0);
    const size = short === 1 ? Number(view.getBigUint64(8)) : short === 0 ? file.size - at : short;
    if (size < 8) return undefined;
    if (type === 'moov' && size <= MOST_BYTES)
      return new Uint8Array(await file.slice(at + 8, at + size).arrayBuffer());
    at += size;
  }
  return undefined;
}

/** The boxes in a box, and those in containers among them. */
function* boxes(bytes: Uint8Array): Generator<{ type: string; body: Uint8Array }> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at + 8 <= bytes.length; ) {
    const size = view.getUint32(at);
    const type = new TextDecoder('latin1').decode(bytes.subarray(at + 4, at + 8));
    if (size < 8 || at + size > bytes.length) return;
    const body = bytes.subarray(at + 8, at + size);
    yield { type, body };
    if (CONTAINERS.has(type) && type !== 'trak') yield* boxes(body);
    at += size;
  }
}

const isVideo = (trak: Uint8Array): boolean =>
  [...boxes(trak)].some(
    ({ type, body }) => type === 'hdlr' && new TextDecoder('latin1').decode(body.subarray(8, 12)) === 'vide',
  );

/** The length of the first edit that shows anything, and of the empty ones before it, in the movie's time scale. */
function endOf(elst: Uint8Array): number | undefined {
  const view = new DataView(elst.buffer, elst.byteOffset, elst.byteLength);
  const wide = elst[0] === 1;
  const entry = wide ? 20 : 12;
  let before = 0;
  for (let i = 0, at = 8; i < view.getUint32(4) && at + entry <= elst.length; i++, at += entry) {
    const length = wide ? Number(view.getBigUint64(at)) : view.getUint32(at);
    const mediaTime = wide ? Number(view.getBigInt64(at + 8)) : view.getInt32(at + 4);
    if (mediaTime === -1) before += length;
    else return length === 0 ? undefined : before + length; // a length of 0: to the end of what is there
  }
  return undefined;
}
