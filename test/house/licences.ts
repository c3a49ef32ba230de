// Which licences the packages that we use may have. A package that is not in order here is a decision for a person.

import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';

/** Permissive ones, and MPL-2.0, which asks for the source of its own files only. */
const ALLOWED =
  '0BSD Apache-2.0 BlueOak-1.0.0 BSD-2-Clause BSD-3-Clause CC0-1.0 ISC MIT MPL-2.0 Python-2.0 Unlicense'.split(
    ' ',
  );

/** Packages that are used all the same: the licence that they give, and why. */
const EXCEPTIONS: readonly { name: RegExp; licence: RegExp; why: string }[] = [
  {
    name: /^@img\/sharp-/,
    licence: /^(Apache-2\.0 AND )?LGPL-3\.0-or-later( AND MIT)?$/,
    why: 'libvips, a shared library beside sharp, which is an optional peer',
  },
  {
    name: /^@shinyoshiaki\/jspack$/,
    licence: /^NOASSERTION$/,
    why: 'its file says BSD-3-Clause; of the optional peer @mediabunny/server',
  },
  { name: /^spawndamnit$/, licence: /^SEE LICENSE IN LICENSE$/, why: 'MIT in its file; of changesets' },
  {
    name: /^@action-validator\/core$/,
    licence: /^GPL-3\.0-only$/,
    why: 'a tool of a test, of which nothing ships',
  },
];

/** A package and its licence as it states it, an SPDX expression. */
export interface Licensed {
  readonly name: string;
  readonly version: string;
  readonly licence: string;
}

/** Every package of the lock file that is not ours, on all platforms; with `shipped`, only what our packages need or may use. */
export function licensed({ shipped }: { shipped: boolean }): Licensed[] {
  const ours = shipped ? readdirSync('packages').map((name) => `-w=packages/${name}`) : [];
  const text = execFileSync('npm', ['sbom', '--sbom-format=spdx', '--package-lock-only', ...ours], {
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  });
  const { packages } = JSON.parse(text) as {
    packages: { name: string; versionInfo: string; licenseDeclared?: string }[];
  };
  return packages
    .filter(({ name }) => !/^@?moviegen\b/.test(name))
    .map(({ name, versionInfo, licenseDeclared }) => ({
      name,
      version: versionInfo,
      licence: licenseDeclared ?? 'NOASSERTION',
    }))
    .sort((a, b) => a.name.localeCompare(b.name, 'en'));
}

/** What is not in order. */
export function licenceFaults(packages: readonly Licensed[]): string[] {
  const faults: string[] = [];
  for (const { name, version, licence } of packages) {
    const exception = EXCEPTIONS.find((each) => each.name.test(name) && each.licence.test(licence));
    if (exception === undefined && !isAllowed(licence))
      faults.push(`${name} ${version}: licence ${licence} is not in the list of test/house/licences.ts`);
  }
  return faults;
}

/** Of alternatives one is enough, of licences that hold together all are needed. */
const isAllowed = (expression: string): boolean =>
  expression
    .replace(/[()]/g, '')
    .split(' OR ')
    .some((choice) => choice.split(' AND ').every((licence) => ALLOWED.includes(licence)));
