// The site of the documentation: pages of `docs`, the packages' READMEs, and the reference that `reference.ts` writes. Nothing is
// fetched from other hosts: the search is local, the fonts are the system's.

import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitepress';
import { anywhere, BASE } from '../anywhere.ts';
import { packageNames } from '../pages.ts';

const docs = join(dirname(fileURLToPath(import.meta.url)), '..');
const page = (text: string, link: string) => ({ text, link });

/** Anchors of headings as hosts of repositories and TypeDoc make them. */
const slugify = (heading: string): string =>
  heading
    .toLowerCase()
    .trim()
    .replace(/[^\w\s-]/g, '')
    .replace(/\s/g, '-');

const guides = [
  page('Text to video', '/guides/text-to-video'),
  page('Pictures and videos', '/guides/pictures-and-videos'),
  page('Public checkpoints', '/guides/public-checkpoints'),
  page('Memory and speed', '/guides/memory-and-speed'),
  page('Commands', '/guides/commands'),
  page('Serving', '/serving'),
  page('Browsers', '/guides/browsers'),
  page('Troubleshooting', '/guides/troubleshooting'),
];
const deeper = [
  page('How the models work', '/how-it-works'),
  page('Architecture', '/architecture'),
  page('Writing a kernel', '/guides/kernel'),
  page('Adding a model family', '/guides/family'),
  page('Parity fixtures', '/guides/parity'),
  page('The bench', '/guides/bench'),
  page('Rooflines and ablations', '/measurements'),
];
const project = [
  page('Models: shapes world', '/project/shapes-world'),
  page('Models: several jobs', '/project/shapes-world-jobs'),
  page('Models: reference pictures', '/project/shapes-world-reference'),
  page('Models: letters', '/project/shapes-world-letters'),
  page('Models: upsampler', '/project/shapes-world-upsampler'),
  page('Rooms of the code', '/project/rooms'),
  page('Contributing', '/project/contributing'),
  page('Changes', '/project/changes'),
  page('Security', '/project/security'),
  page('Sizes', '/sizes'),
];

/** The pages of the reference, where they have been written. */
const reference = (): { text: string; link: string }[] => {
  const list = join(docs, 'api', 'modules.json');
  if (!existsSync(list)) return [];
  return (JSON.parse(readFileSync(list, 'utf8')) as string[]).map((name) => page(name, `/api/${name}`));
};

export default defineConfig({
  title: 'moviegen',
  description: 'Video generation on WebGPU, in Node and in browsers',
  lang: 'en',
  base: process.argv.includes('build') ? BASE : '/',
  buildEnd: ({ site, outDir }) => {
    if (site.base === BASE) anywhere(outDir);
  },
  outDir: join(docs, 'dist'),
  cacheDir: join(docs, 'out', 'cache'),
  srcExclude: ['dist/**', 'out/**', 'tokenizers-byte-fallback.md'],
  head: [['link', { rel: 'icon', href: 'data:,' }]],
  markdown: {
    anchor: { slugify },
    config: (markdown) => {
      markdown.renderer.rules.softbreak = () => ' '; // Vue drops a line break between two elements
    },
    theme: { light: 'github-light-high-contrast', dark: 'github-dark-high-contrast' },
  },
  themeConfig: {
    search: { provider: 'local' },
    outline: [2, 3],
    docFooter: { prev: 'Before', next: 'Next' },
    nav: [
      page('Tutorial', '/tutorial'),
      page('Guides', '/guides/text-to-video'),
      page('How it works', '/how-it-works'),
      page('Gallery', '/gallery'),
      page('Packages', '/packages/moviegen'),
      page('Reference', '/api/'),
    ],
    sidebar: {
      '/': [
        {
          text: 'Start',
          items: [
            page('Tutorial', '/tutorial'),
            page('Gallery', '/gallery'),
            page('Examples', '/project/examples'),
          ],
        },
        { text: 'Guides', items: guides },
        { text: 'Deeper', items: deeper },
        { text: 'Project', items: project },
      ],
      '/packages/': [
        { text: 'Packages', items: packageNames.map((name) => page(name, `/packages/${name}`)) },
      ],
      '/api/': [{ text: 'Reference', items: [page('All modules', '/api/'), ...reference()] }],
    },
  },
});
