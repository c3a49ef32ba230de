// What lies where a file was expected, by its first bytes: after a clone without Git LFS, behind a login page, in the format of
// another program. Not here: the rules of the format itself (header.ts).

const PAGE = /^\s*(<!doctype html|<html|<head|<body|<!--)/i;

/** Of what kind a text is, and what to do. */
const TEXTS: readonly (readonly [RegExp, string])[] = [
  [
    /^version https:\/\/git-lfs/,
    'it is a Git LFS pointer, not the file itself: run `git lfs pull`, or download the file',
  ],
  [/^\s*# xet version/, 'it is a Git Xet pointer, not the file itself: run `git xet install` and `git pull`'],
  [/^(\.\.\/)*\.git\/annex\/objects|^\/annex\/objects/, 'it is a git-annex pointer: run `git annex get`'],
  [PAGE, 'it is a web page (HTML), not the file: download it again, and sign in where that is needed'],
  [/^\s*<(\?xml|Error)/i, 'it is an XML document, perhaps the error of a server: download it again'],
];

const PICKLE = 'it is a Python pickle, which only PyTorch reads: load it there and save it with safetensors';

/** What files of other formats begin with. */
const FORMATS: readonly (readonly [string, string])[] = [
  [
    'PK\x03\x04',
    'it is a zip archive, as PyTorch saves .bin, .pt and .ckpt files: load it there and save it with safetensors',
  ],
  ['\x80\x02', PICKLE],
  ['\x80\x03', PICKLE],
  ['\x80\x04', PICKLE],
  ['\x80\x05', PICKLE],
  ['GGUF', 'it is a GGUF file: get the model in safetensors'],
  ['\x89HDF', 'it is an HDF5 file: get the model in safetensors'],
  ['\x93NUMPY', 'it is a NumPy file: save it with safetensors'],
  ['\x1f\x8b', 'it is compressed with gzip: decompress it'],
];

/** Whether a file is a web page. */
export const isPage = (bytes: Uint8Array): boolean => PAGE.test(textOf(bytes));

/**
 * What a file is that is neither safetensors nor JSON, and what to do about it.
 * @param bytes its first bytes: 512 are enough
 * @returns a sentence without its full stop; undefined where that is not known
 */
export function foreignFile(bytes: Uint8Array): string | undefined {
  const text = textOf(bytes);
  const first = String.fromCharCode(...bytes.subarray(0, 8));
  const known =
    TEXTS.find(([pattern]) => pattern.test(text)) ?? FORMATS.find(([magic]) => first.startsWith(magic));
  if (known) return known[1];
  if (bytes.length >= 16 && bytes.every((byte) => byte === 0))
    return 'it begins with zeros: the download was broken off; download it again';
  return undefined;
}

/** The beginning of a file as text; without a mark of its encoding. */
const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes.subarray(0, 512));
