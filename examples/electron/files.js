// What the main process does for the renderer: it reads one checkpoint and writes videos. There is nothing of Electron in it.

import { rename, writeFile } from 'node:fs/promises';
import { filesAt } from 'moviegen/node';

/**
 * @param {string} checkpoint its folder
 * @param {() => Promise<string | undefined>} askName where a video shall lie; undefined if the person would rather not keep it
 */
export function mainFiles(checkpoint, askName) {
  const files = filesAt(checkpoint);
  /** @type {Map<string, ReturnType<import('@moviegen/safetensors').OpenFile>>} */
  const opened = new Map();

  /** The renderer is not trusted with the disk: it can name files of the checkpoint, and no other. */
  const open = (/** @type {string} */ folder, /** @type {string} */ name) => {
    if (!/^[\w-]*$/.test(folder) || !/^[\w-][\w.-]*$/.test(name))
      throw new Error('a file of the checkpoint has a plain name');
    const path = `${folder}/${name}`;
    const source = opened.get(path) ?? files.folder(folder)(name);
    opened.set(path, source);
    return source;
  };

  return {
    /** @type {import('./bridge.ts').Bridge['size']} */
    size: async (folder, name) => (await open(folder, name))?.byteLength,
    /** @type {import('./bridge.ts').Bridge['read']} */
    async read(folder, name, start, end) {
      const source = await open(folder, name);
      if (source === undefined) throw new Error(`the checkpoint has no ${folder}/${name}`);
      return source.read(start, end);
    },
    /** @type {import('./bridge.ts').Bridge['save']} */
    async save(video) {
      const file = await askName();
      if (file === undefined) return undefined;
      await writeFile(`${file}.tmp`, video);
      await rename(`${file}.tmp`, file);
      return file;
    },
  };
}
