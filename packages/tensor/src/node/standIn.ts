// SwiftShader under the name of the Vulkan loader: Dawn, which opens `libvulkan.so.1` by name, then finds it in the process
// and talks to it directly. Neither a loader nor environment variables are needed, which native code would not see
// where they are set in a worker thread or in Bun.

const SONAME_TAG = 14n;
const STRTAB_TAG = 5n;
const FLAGS_1_TAG = 0x6ffffffbn;
const NODELETE = 8n;
const PT_LOAD = 1;
const PT_DYNAMIC = 2;

/**
 * A copy of a shared library (ELF, 64 bits, little-endian) that is called `name`, and that stays loaded where a runtime
 * closes it again.
 * @param name not longer than the library's own.
 */
export function standIn(library: Buffer, name: string): Buffer {
  const copy = Buffer.from(library);
  const segments = programHeaders(copy);
  const dynamic = segments.find(({ type }) => type === PT_DYNAMIC);
  if (!dynamic) throw new Error('no dynamic section');
  const places = new Map<bigint, number>(); // of the values, by tag
  for (let at = dynamic.offset; at < dynamic.offset + dynamic.size; at += 16)
    places.set(copy.readBigUInt64LE(at), at + 8);
  const [soname, strings, flags] = [SONAME_TAG, STRTAB_TAG, FLAGS_1_TAG].map((tag) => places.get(tag));
  if (soname === undefined || strings === undefined || flags === undefined)
    throw new Error('a dynamic section without a name or flags');
  copy.writeBigUInt64LE(copy.readBigUInt64LE(flags) | NODELETE, flags);
  const address = Number(copy.readBigUInt64LE(strings));
  const home = segments.find(
    ({ type, start, size }) => type === PT_LOAD && start <= address && address < start + size,
  );
  if (!home) throw new Error('no names of symbols');
  const begin = address - home.start + home.offset + Number(copy.readBigUInt64LE(soname));
  const end = copy.indexOf(0, begin);
  if (name.length > end - begin) throw new Error(`its name is shorter than ${name}`);
  copy.fill(0, begin, end).write(name, begin);
  return copy;
}

interface Segment {
  readonly type: number;
  readonly offset: number;
  /** Its address in memory. */
  readonly start: number;
  readonly size: number;
}

function programHeaders(elf: Buffer): Segment[] {
  const [first, size, count] = [Number(elf.readBigUInt64LE(32)), elf.readUInt16LE(54), elf.readUInt16LE(56)];
  return Array.from({ length: count }, (_, i) => {
    const at = first + i * size;
    return {
      type: elf.readUInt32LE(at),
      offset: Number(elf.readBigUInt64LE(at + 8)),
      start: Number(elf.readBigUInt64LE(at + 16)),
      size: Number(elf.readBigUInt64LE(at + 32)),
    };
  });
}
