// The documentation holds: every block of code of the guides is type-checked and runs, commands are those that there are, quoted errors
// are those that come, links lead somewhere, pictures are current. The site itself is in test/browser/docs.test.ts.

import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { pictures } from '../docs/pictures.ts';
import { planLine, ROWS } from '../docs/plans.ts';
import { readModules, undocumented } from '../docs/reference.ts';
import { addOnCommands } from '../packages/moviegen/src/cli/addOns.ts';
import { endingOf } from '../packages/moviegen/src/cli/failure.ts';
import { programOf } from '../packages/moviegen/src/cli/main.ts';
import { Run } from '../packages/moviegen/src/cli/run.ts';
import { temporaryFolder } from './cli.ts';
import {
  type Block,
  blocksOf,
  commandsOf,
  guides,
  makeStage,
  packages,
  pages,
  ROOT,
  wordsOf,
} from './docsPages.ts';

const stage = temporaryFolder();
const programs = join(ROOT, 'docs/out/blocks');
const start = process.cwd();

beforeAll(() => {
  makeStage(stage);
  rmSync(programs, { recursive: true, force: true });
  mkdirSync(programs, { recursive: true });
});
afterAll(() => process.chdir(start));

/** Pieces of programs on the pages of packages. */
const PIECES = [
  'Gguf.open(url',
  'parseTransformerConfig(json)',
  'WanAutoencoder.load(device',
  'startServer(',
];

const all: readonly Block[] = guides.flatMap(blocksOf);
/** Its first block with these is of a page, and test/browser runs it. */
const isOfPage = ({ text }: Block) => text.includes('document.');

describe('TypeScript', () => {
  // The blocks of a page are one program, from top to bottom.
  const written = guides
    .map((page) => {
      const blocks = blocksOf(page).filter((block) => block.language === 'ts');
      const file = (kind: string) =>
        join(programs, `${page.replaceAll('/', '-').replace('.md', '')}${kind}.ts`);
      const texts = [blocks.filter((block) => !isOfPage(block)), blocks.filter(isOfPage)];
      return {
        page,
        files: [file(''), file('.page')] as const,
        texts: texts.map((t) => t.map(({ text }) => text).join('\n')),
      };
    })
    .filter(({ texts }) => texts.some((text) => text !== ''));

  test('is type-checked', () => {
    for (const { files, texts } of written)
      for (const [k, text] of texts.entries())
        if (text !== '') writeFileSync(files[k]!, `${text}\nexport {};\n`);
    const config = { extends: join(ROOT, 'tsconfig.json'), include: ['*.ts'] };
    writeFileSync(join(programs, 'tsconfig.json'), JSON.stringify(config));
    const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
    try {
      execFileSync(process.execPath, [tsc, '-p', programs], { encoding: 'utf8' });
    } catch (error) {
      expect((error as { stdout: string }).stdout).toBe('');
    }
  });

  test.each(
    written.filter(({ texts }) => texts[0] !== '').map(({ page, files }) => [page, files[0]] as const),
  )('%s runs', async (_, file) => {
    vi.spyOn(console, 'log').mockImplementation(() => {});
    process.chdir(stage);
    try {
      await import(/* @vite-ignore */ file);
    } finally {
      process.chdir(start);
      vi.restoreAllMocks();
    }
  });

  // Those of a package are programs of their own, except pieces that leave out what came before.
  const whole = packages
    .flatMap(blocksOf)
    .filter(
      ({ language, text }) =>
        (language === 'js' || language === 'ts') && !PIECES.some((piece) => text.includes(piece)),
    );
  test('blocks of the packages run', async () => {
    vi.spyOn(console, 'log').mockImplementation(() => {});
    expect(whole.length).toBeGreaterThan(9);
    for (const [k, { page, language, text }] of whole.entries()) {
      const file = join(programs, `${page.replaceAll('/', '-')}-${k}.${language}`);
      writeFileSync(file, `${text}\nexport {};\n`);
      process.chdir(stage);
      try {
        await import(/* @vite-ignore */ file);
      } finally {
        process.chdir(start);
      }
    }
    vi.restoreAllMocks();
  });

  test('the client of the guide to serving', async () => {
    const [client] = blocksOf('docs/serving.md').filter(({ language }) => language === 'js');
    const program = join(ROOT, 'packages/moviegen/bin/moviegen.js');
    const args = ['serve', '--model', 'models/shapes-world', '--port', '0', '--data', join(stage, 'data')];
    const server = spawn(process.execPath, [program, ...args], { cwd: stage });
    try {
      const address = await new Promise<string>((resolve, reject) => {
        let said = '';
        const read = (piece: Buffer) => {
          said += piece.toString();
          const found = /http:\/\/127\.0\.0\.1:\d+\/v1/.exec(said)?.[0];
          if (found) resolve(found);
        };
        server.stdout.on('data', read);
        server.stderr.on('data', read);
        server.on('exit', () => reject(new Error(said)));
      });
      const file = join(programs, 'client.mjs');
      writeFileSync(file, client!.text.replace('http://127.0.0.1:8000/v1', address));
      execFileSync(process.execPath, [file], { cwd: stage });
      expect(existsSync(join(stage, 'circle.mp4'))).toBe(true);
    } finally {
      server.kill('SIGTERM');
    }
  });
});

/** Parses a command line of moviegen; its action runs only where that is asked for. */
async function parse(words: readonly string[], runs: boolean): Promise<string | undefined> {
  const run = new Run(new AbortController().signal);
  try {
    const program = programOf(run);
    await addOnCommands(program, run, words);
    if (!runs) for (const command of program.commands) command.action(() => {});
    await program.parseAsync(words, { from: 'user' });
    return undefined;
  } catch (error) {
    const { status, message } = endingOf(error, false, false);
    return status === 0 ? undefined : message;
  } finally {
    run.close();
  }
}

/** Commands that compute nothing: they run, where others are only parsed. */
const CHEAP = ['kernels', 'inspect'];

describe('commands', () => {
  const scripts = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).scripts as Record<
    string,
    string
  >;
  /** What is wrong with a command of a page; undefined where nothing is. */
  async function wrongWith(command: string): Promise<string | undefined> {
    const words = wordsOf(command).filter((word) => !/^[A-Z_]+=/.test(word));
    const [first, second = '', ...rest] = words;
    const known = (names: readonly string[], name: string) => (names.includes(name) ? undefined : 'unknown');
    if (first === 'moviegen') return parse(words.slice(1), false);
    if (first === 'npx' && second === 'moviegen') return parse(rest, CHEAP.includes(rest[0] ?? ''));
    if (first === 'npx') return known(readdirSync(join(ROOT, 'node_modules/.bin')), second);
    if (first === 'npm' && second === 'run')
      return known(Object.keys(scripts), rest.find((word) => word !== '-s') ?? '');
    if (first === 'npm') return known(['ci', 'start', 'test', 'install'], second);
    return known(['cd', 'pip', 'python3'], first ?? '');
  }

  test('are those that there are, with their options', async () => {
    vi.spyOn(process.stdout, 'write').mockImplementation(() => true);
    process.chdir(stage);
    const wrong: string[] = [];
    let count = 0;
    for (const block of all.filter(({ language }) => language === 'sh'))
      for (const command of commandsOf(block).flatMap((line) => line.split(' && '))) {
        const fault = await wrongWith(command);
        if (fault !== undefined) wrong.push(`${block.page}: ${command}: ${fault}`);
        count++;
      }
    process.chdir(start);
    vi.restoreAllMocks();
    expect(wrong).toEqual([]);
    expect(count).toBeGreaterThan(40);
    expect(await wrongWith('npx moviegen generate x --stepz 3')).toMatch(/unknown option/);
    expect(await wrongWith('npm run nosuch')).toBe('unknown');
  });

  test('that fail say what the pages say', async () => {
    const wrong: string[] = [];
    for (const { page, text } of all.filter(({ language }) => language === 'console')) {
      const [command, ...lines] = text.trimEnd().split('\n');
      process.chdir(stage);
      const said = await parse(wordsOf(command!.replace(/^\$ npx moviegen /, '')), true);
      process.chdir(start);
      if (!`${said}\n`.includes(lines.join('\n'))) wrong.push(`${page}: ${command}: ${said}`);
    }
    expect(wrong).toEqual([]);
  });
});

test('errors that are quoted without a command are in the source', () => {
  const sources = readdirSync(join(ROOT, 'packages'), { recursive: true, encoding: 'utf8' })
    .filter((file) => /^\w+\/src\/.*\.ts$/.test(file))
    .map((file) => readFileSync(join(ROOT, 'packages', file), 'utf8').replace(/['"`]\s*\+\s*['"`]/g, ''));
  const quoted = blocksOf('docs/guides/troubleshooting.md').filter(({ language }) => language === 'text');
  expect(quoted.length).toBeGreaterThan(5);
  for (const { text } of quoted) {
    const parts = text
      .trim()
      .split('...')
      .map((part) => part.trim().replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
    const pattern = new RegExp(parts.join('\\s*\\$\\{[^`]*?\\}\\s*'));
    expect(
      sources.some((source) => pattern.test(source)),
      text,
    ).toBe(true);
  }
});

test('links between files lead to files; other addresses are whole', () => {
  const wrong: string[] = [];
  for (const page of pages.filter((page) => !page.startsWith('docs/'))) {
    const text = readFileSync(join(ROOT, page), 'utf8').replace(/```.*?```/gs, '');
    for (const [, target] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^https?:/.test(target!)) {
        if (!URL.canParse(target!)) wrong.push(`${page}: ${target}`);
        continue;
      }
      const [path = '', anchor] = target!.split('#');
      const file = path === '' ? join(ROOT, page) : join(ROOT, dirname(page), path);
      if (!existsSync(file)) wrong.push(`${page}: ${target}`);
      else if (anchor && !slugs(readFileSync(file, 'utf8')).includes(anchor))
        wrong.push(`${page}: ${target}`);
    }
  }
  expect(wrong).toEqual([]);
});

/** The anchors of a page's headings, as hosts of repositories make them. */
const slugs = (text: string): string[] =>
  [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replace(/[^\w\s-]/g, '')
      .trim()
      .replace(/\s/g, '-'),
  );

test('pictures are those of the plan of the house and of the results', () => {
  for (const [path, text] of Object.entries(pictures()))
    expect(readFileSync(join(ROOT, path), 'utf8') === text, `${path}: npm run docs:pictures`).toBe(true);
});

test('the table of what fits a GPU is what plan says', async () => {
  const table = readFileSync(join(ROOT, 'docs/parts/memory.md'), 'utf8').trimEnd().split('\n');
  expect(table).toHaveLength(2 + ROWS.length);
  expect(table).toContain(await planLine(ROWS[1]));
});

test('an export without documentation is found', async () => {
  const folder = join(ROOT, 'docs/out/undocumented');
  const file = join(folder, 'index.ts');
  const text =
    '/** Said. */\nexport const said = 1;\nexport const bare = 2;\n/** Said. */\nexport class C {\n  /** Said. */\n  a(): void {}\n  b(): void {}\n}\n';
  mkdirSync(folder, { recursive: true });
  writeFileSync(file, text);
  const config = join(folder, 'tsconfig.json');
  writeFileSync(config, JSON.stringify({ compilerOptions: { types: [] }, include: ['*.ts'] }));
  const { project } = await readModules([file], config);
  expect(
    undocumented(project)
      .map((line) => line.split(': ').at(-1))
      .sort(),
  ).toEqual(['C.b', 'bare']);
});
