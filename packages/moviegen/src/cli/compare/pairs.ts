// The videos of two folders for the same prompts, by the names of their files: `generate` and `compare` name files after prompts.

import { readdir } from 'node:fs/promises';
import { extname, join } from 'node:path';
import type { ComparedPrompt } from '@moviegen/evaluation';
import { InputError } from '../../errors.ts';
import { slugOf } from '../values.ts';

const VIDEO = /\.(mp4|m4v|mov|webm|mkv)$/i;

/** A prompt with its two videos. */
export interface PromptPair extends ComparedPrompt {
  /** Paths. */
  readonly a: string;
  readonly b: string;
}

/** Whether a name is a video of a prompt: its words, with a number before or after them or without. */
function isOf(name: string, slug: string): boolean {
  const stem = name.slice(0, -extname(name).length);
  return [stem, stem.replace(/^\d+-/, '')].some(
    (words) => words === slug || (words.startsWith(`${slug}-`) && /^\d+$/.test(words.slice(slug.length + 1))),
  );
}

/**
 * Pairs the videos of two folders.
 * @returns the pairs, and a line for what has no partner
 * @throws InputError where a folder is missing, or no prompt has both
 */
export async function pairsOf(
  prompts: readonly ComparedPrompt[],
  a: string,
  b: string,
): Promise<{ pairs: PromptPair[]; notes: string[] }> {
  const [left, right] = [await videosOf(prompts, a), await videosOf(prompts, b)];
  const pairs = prompts.flatMap((prompt, i) =>
    left[i] === undefined || right[i] === undefined ? [] : [{ ...prompt, a: left[i], b: right[i] }],
  );
  const missing = prompts.find((_, i) => left[i] === undefined || right[i] === undefined);
  if (pairs.length === 0)
    throw new InputError(
      `compare: no prompt has a video in both ${a} and ${b}: files are named after prompts, as ${slugOf(prompts[0]!.prompt)}-0.mp4, or there are as many as prompts, in their order`,
    );
  const lacking = prompts.length - pairs.length;
  const notes =
    missing === undefined
      ? []
      : [
          `compare: ${lacking} of ${prompts.length} prompts have no video in both folders, the first one: ${missing.prompt}`,
        ];
  return { pairs, notes };
}

async function videosOf(prompts: readonly ComparedPrompt[], folder: string): Promise<(string | undefined)[]> {
  const all = await readdir(folder).catch((cause) => {
    throw new InputError(`compare: there is no folder ${folder}`, { cause });
  });
  const names = all
    .filter((name) => VIDEO.test(name) && !name.startsWith('.'))
    .sort((x, y) => x.localeCompare(y, 'en', { numeric: true }));
  const free = new Set(names);
  const named = prompts.map(({ prompt }) => {
    const slug = slugOf(prompt);
    const name = names.find((one) => free.has(one) && isOf(one, slug));
    if (name !== undefined) free.delete(name);
    return name;
  });
  const found = named.some((name) => name !== undefined) || names.length !== prompts.length ? named : names;
  return found.map((name) => name && join(folder, name));
}
