// Whether a Matroska or WebM file is as long as it says: its frames stand nowhere in an index that would miss them. What lies in it,
// the demuxer reads.

const EBML = 0x1a45dfa3;
const SEGMENT = 0x18538067;

/** Bytes that the file says it has, and has not; 0 for other files, and for those that do not say, as recordings. */
export async function missingBytes(file: Blob): Promise<number> {
  const head = new DataView(await file.slice(0, 4096).arrayBuffer());
  if (head.byteLength < 5 || head.getUint32(0) !== EBML) return 0;
  const header = sizeAt(head, 4);
  const at = header && header.end + header.size;
  if (at === undefined || at + 5 > head.byteLength || head.getUint32(at) !== SEGMENT) return 0;
  const segment = sizeAt(head, at + 4);
  return segment ? Math.max(0, segment.end + segment.size - file.size) : 0;
}

/** A size as EBML writes it, and where it ends; undefined where it is cut off, or all ones, which means unknown. */
function sizeAt(view: DataView, at: number): { readonly size: number; readonly end: number } | undefined {
  const length = Math.clz32(view.getUint8(at)) - 23; // the zeros before the first one of the byte, and one
  const end = at + length;
  if (length > 8 || end > view.byteLength) return undefined;
  let size = view.getUint8(at) & (0xff >> length);
  let known = size !== 0xff >> length;
  for (let k = at + 1; k < end; k++) {
    const byte = view.getUint8(k);
    size = size * 256 + byte;
    known ||= byte !== 0xff;
  }
  return known ? { size, end } : undefined;
}
