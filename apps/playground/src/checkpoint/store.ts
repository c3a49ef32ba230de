// Where files of the checkpoint are kept: the browser's private file system, each file under its checksum, so that a
// name is a proof of content and a new checkpoint brings only what has changed. For workers only.

/** Files that were verified, by their checksum. */
export interface Store {
  /** Undefined where it is not there. */
  get(name: string): Promise<File | undefined>;
  /** Opens a file for writing; nobody sees it before `keep`. */
  create(name: string): Promise<Draft>;
  readText(name: string): Promise<string | undefined>;
  writeText(name: string, text: string): Promise<void>;
  /** Removes what is not named. */
  retain(names: ReadonlySet<string>): Promise<void>;
}

/** A file that is being written. */
export interface Draft {
  /** @throws QuotaExceededError where storage is full. */
  write(bytes: Uint8Array<ArrayBuffer>): void;
  /** Makes it the file of its name. */
  keep(): Promise<File>;
  /** Removes it. */
  drop(): Promise<void>;
}

/** What the DOM's types lack: it exists in workers only. */
interface SyncAccessHandle {
  write(bytes: Uint8Array<ArrayBuffer>, options: { at: number }): number;
  truncate(size: number): void;
  flush(): void;
  close(): void;
}
type FileHandle = FileSystemFileHandle & {
  createSyncAccessHandle(): Promise<SyncAccessHandle>;
  move(name: string): Promise<void>;
};

/** Opens the store of a page. @throws where this browser, or this private window, keeps no files. */
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
    access.truncate(0);
    let at = 0;
    return {
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
