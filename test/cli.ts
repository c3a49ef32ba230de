// Starts the built command line, as a user does.

import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect } from 'vitest';

const program = fileURLToPath(new URL('../packages/moviegen/bin/moviegen.js', import.meta.url));

/** The end of a run. */
export interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  /** The same, as it came. */
  readonly bytes: Buffer;
  readonly stderr: string;
}

/** Options of a run. */
export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Sends this signal once, when stderr holds a text or a function gives true. A second signal would end the process at once. */
  readonly stop?: { readonly after: string | (() => boolean); readonly signal: 'SIGINT' | 'SIGTERM' };
  /** What standard input holds; it is closed then. Default: nothing. */
  readonly stdin?: string | Uint8Array;
  /** Reads one piece of this stream and then closes it. */
  readonly close?: 'stdout' | 'stderr';
}

/** Runs `moviegen` with a bare environment: no HOME, the tests' cache folder, no terminal. */
export async function moviegen(
  args: readonly string[],
  { cwd, env = {}, stop, stdin, close }: RunOptions = {},
): Promise<Ended> {
  expect(process.env.MOVIEGEN_TEST_BUILD, 'the build').toBe('done');
  const { PATH = '', XDG_CACHE_HOME = '', MOVIEGEN_ADAPTER } = process.env;
  const adapter = MOVIEGEN_ADAPTER === undefined ? {} : { MOVIEGEN_ADAPTER };
  const child = spawn(process.execPath, [program, ...args], {
    cwd,
    env: { PATH, XDG_CACHE_HOME, ...adapter, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  child.stdin.on('error', () => {}).end(stdin);
  let stderr = '';
  const stopNow = () => {
    const { after } = stop!;
    if (typeof after === 'string' ? !stderr.includes(after) : !after()) return;
    clearInterval(watch);
    child.kill(stop!.signal);
  };
  const watch = stop && setInterval(stopNow, 10);
  const pieces: Buffer[] = [];
  child.stdout.on('data', (piece: Buffer) => pieces.push(piece));
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  if (close !== undefined) child[close].once('data', () => child[close].destroy());
  const status = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject).on('close', resolve);
  });
  clearInterval(watch);
  const bytes = Buffer.concat(pieces);
  return { status, stdout: bytes.toString(), bytes, stderr };
}

/** A prompt that the tiny checkpoint knows. */
export const PROMPT = 'a small red circle moves right on a black background';

/** A function that makes a new folder at each call; all are removed after the tests of the file. */
export function folders(): () => string {
  const root = temporaryFolder();
  let made = 0;
  return () => {
    const path = join(root, String(made++));
    mkdirSync(path);
    return path;
  };
}

/** A folder that is removed after the tests of the file. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'moviegen-test-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** The paths of everything below a folder. */
export const filesIn = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort();
