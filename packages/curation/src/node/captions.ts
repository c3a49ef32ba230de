// Captions of clips: from a file beside the video (clip.txt, clip.json), else from a command of the user's that is given frames. The
// command runs without a shell: whatever stands in a file's name is one argument.

import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodePng, InputError } from 'moviegen';
import { type Part, someFrames } from './clipFrames.ts';

/** How many frames a command is given. */
const FRAMES = 8;

/** The caption in a file beside the video; undefined where there is none. @throws InputError where a clip.json is broken */
export async function sideCaption(path: string): Promise<string | undefined> {
  const stem = path.replace(/\.[^./\\]+$/, '');
  const text = await readFile(`${stem}.txt`, 'utf8').catch(() => undefined);
  if (text !== undefined && text.trim() !== '') return text.trim().replace(/\s+/g, ' ');
  const json = await readFile(`${stem}.json`, 'utf8').catch(() => undefined);
  if (json === undefined) return undefined;
  let document: unknown;
  try {
    document = JSON.parse(json);
  } catch (cause) {
    throw new InputError(`${stem}.json is not JSON: ${(cause as Error).message}`, { cause });
  }
  const caption = (document as { caption?: unknown } | null)?.caption;
  return typeof caption === 'string' && caption.trim() !== ''
    ? caption.trim().replace(/\s+/g, ' ')
    : undefined;
}

/** The words of a command: quotes hold words together; nothing else is special. @throws InputError without {frames} */
export function commandWords(command: string): string[] {
  const words = [...command.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(([, a, b, c]) => a ?? b ?? c!);
  if (words.length === 0 || words.indexOf('{frames}', 1) < 0)
    throw new InputError(
      `curate: --caption ${JSON.stringify(command)} must be a program and its arguments, one of which is {frames}, as in --caption "python3 caption.py {frames}"`,
    );
  return words;
}

/**
 * What a command prints for the frames of a clip, on one line.
 * @throws InputError where the program cannot be started; Error where it fails or prints nothing
 */
export async function commandCaption(
  words: readonly string[],
  part: Part,
  signal: AbortSignal,
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'moviegen-frames-'));
  try {
    const paths: string[] = [];
    for (const frame of await someFrames(part, FRAMES, signal)) {
      const path = join(folder, `frame-${paths.length}.png`);
      await writeFile(path, encodePng(frame));
      paths.push(path);
    }
    const [program, ...rest] = words.flatMap((word) => (word === '{frames}' ? paths : [word]));
    const caption = (await outputOf(program!, rest, signal)).trim().replace(/\s+/g, ' ');
    if (caption === '') throw new Error('the caption command printed nothing');
    return caption;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function outputOf(program: string, args: readonly string[], signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { shell: false, signal, stdio: ['ignore', 'pipe', 'pipe'] });
    let [out, err] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (err = (err + text).slice(-2000)));
    child.on('error', (cause) => {
      if (signal.aborted) reject(signal.reason);
      else reject(new InputError(`curate: cannot start --caption ${program}: ${cause.message}`, { cause }));
    });
    child.on('close', (status, by) => {
      if (status === 0) resolve(out);
      else {
        const last = err.trim().split('\n').at(-1);
        reject(new Error(`the caption command ended with ${status ?? by}${last ? `: ${last}` : ''}`));
      }
    });
  });
}
