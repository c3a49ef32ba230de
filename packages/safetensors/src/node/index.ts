// `@moviegen/safetensors/node`: files of Node. Everything else is in `@moviegen/safetensors`.

export { fileSource, folder, openFile, openFolder, writeFile } from './file.ts';
