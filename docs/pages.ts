// Pages of the site whose text lies elsewhere in the repository: the packages' READMEs, the models' cards, ARCHITECTURE.md and so on.
// Their links are led to pages of the site; links to files that have no page become plain text.

import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

/** The folders of the packages. */
export const packageNames: readonly string[] = readdirSync(join(root, 'packages')).sort();

/** Pages below `project/`, and the file of each. */
export const projectPages: Readonly<Record<string, string>> = {
  'shapes-world': 'models/shapes-world/README.md',
  'shapes-world-jobs': 'models/shapes-world-jobs/README.md',
  'shapes-world-reference': 'models/shapes-world-reference/README.md',
  'shapes-world-letters': 'models/shapes-world-letters/README.md',
  'shapes-world-upsampler': 'models/shapes-world-upsampler/README.md',
  rooms: 'ARCHITECTURE.md',
  contributing: 'CONTRIBUTING.md',
  changes: 'CHANGELOG.md',
  security: 'SECURITY.md',
  examples: 'examples/README.md',
  'example-script': 'examples/script/README.md',
  'example-react-worker': 'examples/react-worker/README.md',
  'example-hono-route': 'examples/hono-route/README.md',
  'example-electron': 'examples/electron/README.md',
  'bench-results': 'bench/results/README.md',
  ablations: 'reference/ablations/README.md',
  'wan-fixtures': 'packages/wan/fixtures/README.md',
};

/** Files of the repository that are pages of the site. */
const PAGES: Readonly<Record<string, string>> = {
  ...Object.fromEntries(Object.entries(projectPages).map(([name, file]) => [file, `/project/${name}`])),
  ...Object.fromEntries(packageNames.map((name) => [`packages/${name}/README.md`, `/packages/${name}`])),
  'docs/serving.md': '/serving',
  'README.md': '/',
};
const LINK = /(!?)\[([^\]]*)\]\(([^)\s]+)\)/g;

/** The text of a file of the repository, with its links as the site needs them. @param file from the repository's root */
export function pageText(file: string): string {
  const text = readFileSync(join(root, file), 'utf8');
  return text.replace(LINK, (whole, picture: string, shown: string, target: string) => {
    if (/^(https?:|#|mailto:)/.test(target)) return whole;
    const [path = '', anchor] = target.split('#');
    const found = relative(root, normalize(join(root, dirname(file), path)));
    const page = PAGES[found] ?? PAGES[join(found, 'README.md')];
    if (page) return `[${shown}](${page}${anchor ? `#${anchor}` : ''})`;
    return picture ? '' : shown;
  });
}
