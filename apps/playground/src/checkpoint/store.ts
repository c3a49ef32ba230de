// Keeps the checkpoint's files in the browser's private file system. Each has its checksum as its name, so that a name
// proves the content, and a new checkpoint fetches only the files that have changed. For workers only.

/** Verified files by their checksum. */
export interface Store {
  /** The file of a name; undefined if there is none. */
  get(name: string): Promise<File | undefined>;
  /** Opens a file for writing, with what an earlier try has left of it; it exists for `get` only after `keep`. */
  create(name: string): Promise<Draft>;
  readText(name: string): Promise<string | undefined>;
  writeText(name: string, text: string): Promise<void>;
  /** Removes all files but those named. */
  retain(names: ReadonlySet<string>): Promise<void>;
}

/** A file that is being written. */
export interface Draft {
  /** Bytes that are there. */
  readonly length: number;
  /** The bytes that are there, in pieces. */
  pieces(): Iterable<Uint8Array<ArrayBuffer>>;
  /** Begins anew. */
  clear(): void;
  /** @throws QuotaExceededError if the storage is full */
  write(bytes: Uint8Array<ArrayBuffer>): void;
  /** Finishes the file under its name. */
  keep(): Promise<File>;
  /** Closes the file; what was written stays for the next try, after a reload too. */
  leave(): Promise<void>;
  /** Removes what was written. */
  drop(): Promise<void>;
}

/** Bytes of a file that are read at once. */
const PIECE_BYTES = 2 ** 22;

/** Missing in the DOM's types, because it exists in workers only. */
interface SyncAccessHandle {
  read(bytes: Uint8Array<ArrayBuffer>, options: { at: number }): number;
  write(bytes: Uint8Array<ArrayBuffer>, options: { at: number }): number;
  getSize(): number;
  truncate(size: number): void;
  flush(): void;
  close(): void;
}
type FileHandle = FileSystemFileHandle & {
  createSyncAccessHandle(): Promise<SyncAccessHandle>;
  move(name: string): Promise<void>;
};

/** Opens a page's store. @throws if this browser, or this private window, does not keep files */
export async function openStore(name: string): Promise<Store> {
  const root = await navigator.storage.getDirectory();
  const folder = await root.getDirectoryHandle(name, { create: true });

  const get = async (file: string): Promise<File | undefined> => {
    try {
      return await (await folder.getFileHandle(file)).getFile();
    } catch (error) {
      if (error instanceof DOMException && error.name === 'NotFoundError') return undefined;
      throw error;
    }
  };
  const create = async (file: string): Promise<Draft> => {
    const handle = (await folder.getFileHandle(`${file}.part`, { create: true })) as FileHandle;
    const access = await handle.createSyncAccessHandle();
    let at = access.getSize();
    return {
      get length() {
        return at;
      },
      *pieces() {
        const piece = new Uint8Array(PIECE_BYTES);
        for (let from = 0; from < at; ) {
          const count = access.read(piece, { at: from });
          if (count === 0) return;
          yield piece.subarray(0, count);
          from += count;
        }
      },
      clear() {
        access.truncate(0);
        at = 0;
      },
      write(bytes) {
        const written = access.write(bytes, { at });
        if (written !== bytes.length) throw new DOMException('the file could not grow', 'QuotaExceededError');
        at += written;
      },
      async keep() {
        access.flush();
        access.close();
        await handle.move(file);
        return handle.getFile();
      },
      async leave() {
        access.flush();
        access.close();
      },
      async drop() {
        access.close();
        await folder.removeEntry(`${file}.part`);
      },
    };
  };
  return {
    get,
    create,
    readText: async (file) => (await get(file))?.text(),
    async writeText(file, text) {
      const draft = await create(file);
      draft.clear();
      try {
        draft.write(new TextEncoder().encode(text));
      } catch (error) {
        await draft.drop();
        throw error;
      }
      await draft.keep();
    },
    async retain(names) {
      const found: string[] = [];
      for await (const entry of folder.keys()) found.push(entry);
      for (const entry of found) if (!names.has(entry)) await folder.removeEntry(entry);
    },
  };
}
