// What the tests of the documentation read: pages and their blocks of code, and a folder in which the blocks can run, where small seeded
// checkpoints stand for those that the pages name.

import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { TINY } from '@moviegen/testing/checkpoints';

/** The root of the repository. */
export const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** A block of code of a page. */
export interface Block {
  readonly page: string;
  readonly language: string;
  readonly text: string;
}

/** Every page that git knows, or would. */
export const pages: readonly string[] = execFileSync(
  'git',
  ['ls-files', '-co', '--exclude-standard', '*.md'],
  { cwd: ROOT, encoding: 'utf8' },
)
  .split('\n')
  .filter((page) => page !== '');

/** The pages that teach: the site's own, and the README. Others describe. */
export const guides: readonly string[] = pages.filter(
  (page) => page === 'README.md' || (page.startsWith('docs/') && page !== 'docs/tokenizers-byte-fallback.md'),
);

/** The pages of the packages. */
export const packages: readonly string[] = pages.filter((page) => /^packages\/[^/]+\/README\.md$/.test(page));

/** The blocks of code of a page. */
export function blocksOf(page: string): Block[] {
  const text = readFileSync(join(ROOT, page), 'utf8');
  return [...text.matchAll(/^```(\w+)[^\n]*\n(.*?)^```$/gms)].map(([, language, body]) => ({
    page,
    language: language!,
    text: body!,
  }));
}

/** The lines of a shell block: continued lines joined, comments and prompts left out. */
export const commandsOf = ({ text }: Block): string[] =>
  text
    .replaceAll('\\\n', ' ')
    .split('\n')
    .map((line) => line.replace(/\s+#\s.*$/, '').trim())
    .filter((line) => line !== '' && !line.startsWith('#'));

/** The words of a command, as a shell splits them; words of quotes lose them. */
export const wordsOf = (command: string): string[] =>
  [...command.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(
    ([, double, single, plain]) => double ?? single ?? plain!,
  );

const link = (target: string, path: string): void => {
  mkdirSync(dirname(path), { recursive: true });
  symlinkSync(target, path);
};

/** Makes the folder in which blocks run. */
export function makeStage(folder: string): void {
  const fixtures = join(ROOT, 'packages/moviegen/fixtures');
  const models = join(folder, 'models');
  link(TINY, join(models, 'shapes-world'));
  for (const name of ['docs', 'packages', 'README.md']) link(join(ROOT, name), join(folder, name));

  const jobs = join(models, 'shapes-world-jobs');
  cpSync(TINY, jobs, { recursive: true });
  rmSync(join(jobs, 'transformer'), { recursive: true });
  cpSync(join(fixtures, 'jobs/transformer'), join(jobs, 'transformer'), { recursive: true });
  rmSync(join(jobs, 'SHA256SUMS'), { force: true });

  const reference = join(models, 'reference');
  cpSync(TINY, reference, { recursive: true });
  for (const part of ['transformer', 'image_encoder']) {
    rmSync(join(reference, part), { recursive: true, force: true });
    cpSync(join(fixtures, 'reference', part), join(reference, part), { recursive: true });
  }
  rmSync(join(reference, 'SHA256SUMS'), { force: true });
  const tiny = JSON.parse(readFileSync(join(TINY, 'model_index.json'), 'utf8'));
  writeFileSync(
    join(reference, 'model_index.json'),
    JSON.stringify({ ...tiny, image_encoder: 'image_encoder' }),
  );

  const upsampler = join(models, 'upsampler');
  link(join(fixtures, 'jobs/upsampler'), join(upsampler, 'transformer'));
  link(join(fixtures, 'autoencoder-kl-4'), join(upsampler, 'vae'));
  const index = {
    _class_name: 'MovieGenUpsamplerPipeline',
    sampler: { steps: 1 },
    window: { frames: 3, overlap: 1 },
  };
  writeFileSync(join(upsampler, 'model_index.json'), JSON.stringify(index));

  link(join(ROOT, 'packages/wan/fixtures/t2v'), join(folder, 'Wan-AI/Wan2.1-T2V-1.3B-Diffusers'));
  link(join(fixtures, 'autoencoder-kl-4'), join(folder, 'vae'));
  link(join(fixtures, 'text-pretrained/byt5'), join(folder, 'byt5'));
  link(join(fixtures, 'clip-vision'), join(folder, 'clip-vision'));
}
