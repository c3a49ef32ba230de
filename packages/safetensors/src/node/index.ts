// `@moviegen/safetensors/node`: files. The rest is in `@moviegen/safetensors`.

export { fileSource, folder, openFile, openFolder, writeFile } from './file.ts';
