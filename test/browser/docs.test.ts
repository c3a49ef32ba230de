// The site of the documentation, built as `npm run docs` builds it, served under a sub-path: every link leads somewhere, nothing is fetched from
// other hosts, the search finds, axe finds nothing serious in light and in dark, and the page of the tutorial makes its video.

import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { TINY } from '@moviegen/testing/checkpoints';
import { createServer } from 'vite';
import { beforeAll, expect, test } from 'vitest';
import { blocksOf, ROOT } from '../docsPages.ts';
import { launchChromium } from './chromium.ts';
import { openPage, seriousAxeFaults } from './page.ts';
import { serve } from './server.ts';

const BASE = '/a/sub-path/';
const dist = join(ROOT, 'docs/dist');
/** Pages that are looked at: long tables, code, pictures, the reference. */
const LOOKED_AT = [
  '',
  'tutorial.html',
  'guides/memory-and-speed.html',
  'measurements.html',
  'api/@moviegen/safetensors.html',
];
/** `DOCS_PICTURES=FOLDER` keeps pictures of these pages for people to look at. */
const { DOCS_PICTURES } = process.env;

beforeAll(() => {
  execFileSync('npm', ['run', 'docs'], { cwd: ROOT, stdio: 'pipe' });
});

const server = await serve({ [BASE]: dist });
const browser = await launchChromium();
const at = (page: string): string => `${server.origin}${BASE}${page}`;

test('every link of the site leads to a page and a heading; other addresses are whole', () => {
  const files = readdirSync(dist, { recursive: true, encoding: 'utf8' }).map((file) =>
    file.replaceAll('\\', '/'),
  );
  const htmls = new Map(
    files
      .filter((file) => file.endsWith('.html'))
      .map((file) => [file, readFileSync(join(dist, file), 'utf8')]),
  );
  const ids = new Map(
    [...htmls].map(([file, html]) => [
      file,
      new Set([...html.matchAll(/\sid="([^"]*)"/g)].map(([, id]) => id)),
    ]),
  );
  const known = new Set(files);
  const wrong: string[] = [];
  const elsewhere = new Set<string>();
  for (const [file, html] of htmls)
    for (const [, address] of html.matchAll(/\s(?:href|src)="([^"]*)"/g)) {
      const target = address!.replaceAll('&amp;', '&');
      if (/^(https?:)?\/\//.test(target)) {
        if (URL.canParse(target)) elsewhere.add(target);
        else wrong.push(`${file}: ${target}`);
        continue;
      }
      if (target.startsWith('data:')) continue;
      const [path = '', anchor] = decodeURIComponent(target).split('#');
      const found = path === '' ? file : posix.join(posix.dirname(file), path).replace(/^\.\/?/, '');
      const whole = found === '' || found.endsWith('/') ? `${found}index.html` : found;
      if (!known.has(whole)) wrong.push(`${file}: ${target}`);
      else if (anchor && !ids.get(whole)?.has(anchor)) wrong.push(`${file}: ${target}`);
    }
  console.log(`${htmls.size} pages; addresses elsewhere: ${[...elsewhere].sort().join(' ')}`);
  expect(wrong).toEqual([]);
});

test.each(['light', 'dark'] as const)(
  'five pages in %s: nothing that axe-core finds serious',
  async (colorScheme) => {
    const faults: string[] = [];
    for (const path of LOOKED_AT) {
      const page = await openPage(browser, at(path), { colorScheme, reducedMotion: 'reduce' });
      const found: string[] = await seriousAxeFaults(page);
      faults.push(...found.map((fault) => `${path}: ${fault}`));
      if (DOCS_PICTURES) {
        const name = path.replaceAll('/', '-').replace('.html', '') || 'home';
        await page.screenshot({ path: join(DOCS_PICTURES, `${name}-${colorScheme}.png`) });
        await page.setViewportSize({ width: 390, height: 844 });
        await page.screenshot({ path: join(DOCS_PICTURES, `${name}-${colorScheme}-phone.png`) });
        await page.setViewportSize({ width: 1280, height: 720 });
      }
      await page.context().close();
    }
    expect(faults).toEqual([]);
  },
);

test('on a phone nothing is wider than the screen', async () => {
  for (const path of LOOKED_AT) {
    const page = await openPage(browser, at(path), { viewport: { width: 390, height: 844 } });
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    expect(width, path).toBeLessThanOrEqual(390);
    await page.context().close();
  }
});

test('the search finds upscale, and nothing comes from other hosts', async () => {
  const page = await openPage(browser, at(''));
  const hosts = new Set<string>();
  page.on('request', (request) => hosts.add(new URL(request.url()).origin));
  await page.getByRole('button', { name: 'Search' }).click();
  await page.getByRole('searchbox').fill('upscale');
  const first = page.getByRole('option').first();
  await first.waitFor();
  expect(await first.textContent()).toMatch(/upscal|larger/i);
  await first.click();
  await page.waitForURL((url) => url.pathname !== BASE);
  expect(await page.locator('main h1').first().textContent()).toBeTruthy();
  // From there on by the page's own router: addresses do not depend on the page that was opened first.
  await page.getByRole('link', { name: 'Tutorial' }).first().click();
  await page.waitForURL((url) => url.pathname === `${BASE}tutorial.html`);
  await page.getByRole('link', { name: 'How it works' }).first().click();
  await page.waitForURL((url) => url.pathname === `${BASE}how-it-works.html`);
  await page.locator('main h1', { hasText: 'How the models work' }).waitFor(); // the address changes before the page does
  expect([...hosts]).toEqual([server.origin]);
});

test('the page of the tutorial makes its video, served as it says', async () => {
  const folder = join(ROOT, 'docs/out/page');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const blocks = blocksOf('docs/tutorial.md');
  const html = blocks.find(({ language }) => language === 'html')!.text;
  const script = blocks.find(({ text }) => text.includes('document.'))!.text;
  writeFileSync(join(folder, 'index.html'), html);
  const model = TINY.replace(ROOT, '/');
  writeFileSync(join(folder, 'main.ts'), script.replace('/models/shapes-world', model));
  const vite = await createServer({
    root: ROOT,
    configFile: false,
    logLevel: 'silent',
    server: { port: 0, host: '127.0.0.1' },
  });
  try {
    await vite.listen();
    const page = await browser.newPage();
    const address = `${vite.resolvedUrls!.local[0]}docs/out/page/`;
    await page.goto(address, { timeout: 120_000 }); // a slow machine is not a fault
    await page
      .getByRole('status')
      .filter({ hasText: /^Done$/ })
      .waitFor({ timeout: 120_000 });
    expect(await page.locator('video').getAttribute('src')).toMatch(/^blob:/);
  } finally {
    await vite.close();
  }
});
