// A page per package: its README, and where its reference is.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageNames, pageText } from '../pages.ts';

const root = join(import.meta.dirname, '../..');

export default {
  paths: () =>
    packageNames.map((name) => {
      const { name: specifier } = JSON.parse(
        readFileSync(join(root, 'packages', name, 'package.json'), 'utf8'),
      );
      const link = `\n\nEvery export, with its types: [reference of ${specifier}](/api/${specifier}).\n`;
      return { params: { name }, content: pageText(`packages/${name}/README.md`) + link };
    }),
};
