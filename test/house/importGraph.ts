// Checks the import graph of the sources, type imports included. It finds imports between packages or between the rooms
// of a package that the plan of the house does not allow, circles, and Node in code that browsers run. Files are read
// as text; only relative paths and names of workspaces are resolved.

import { readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';

/** What may import what. */
export interface House {
  /** Package folder -> the packages that its `src` may import. */
  readonly packages: Readonly<Record<string, readonly string[]>>;
  /** Package folder -> its rooms from top to bottom. Rooms on the same line, separated by spaces, do not import each other. */
  readonly rooms: Readonly<Record<string, readonly string[]>>;
  /** Rooms that run only in Node, as `package/room`, and packages that do so as a whole. Everything else also runs in browsers. */
  readonly node: readonly string[];
}

/** One import of a source file. */
interface Import {
  readonly from: string;
  readonly specifier: string;
}

const STATEMENT =
  /(?:^|\n)\s*(?:import|export)\s(?:[^'";]*?\sfrom\s*)?['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]\s*\)/g;
const NODE =
  /^(node:|webgpu$|@sparticuz\/chromium|@mediabunny\/server|@moviegen\/\w+\/node$|moviegen\/node$)/;

/** One line per import that breaks the plan of the house. @param files paths from the root of the repository */
export function violations(files: readonly string[], house: House, read = readText): string[] {
  const imports = files.flatMap((from) =>
    specifiersOf(read(from)).map((specifier) => ({ from, specifier: resolved(from, specifier) })),
  );
  const found = [
    ...imports.flatMap((one) => violationsOf(one, house)),
    ...circles(files, imports).map((circle) => `circle: ${circle.join(' -> ')}`),
  ];
  return [...new Set(found)].sort();
}

const readText = (file: string): string => readFileSync(file, 'utf8');

/** A package's `#name` stands for a file in its `src`, which an export condition may exchange for another. */
function resolved(from: string, specifier: string): string {
  if (!specifier.startsWith('#')) return specifier;
  const path = relative(dirname(from), `${from.split('/src/')[0]}/src/${specifier.slice(1)}.ts`);
  return path.startsWith('.') ? path : `./${path}`;
}

/** The imports of a source text, dynamic and type imports included. */
export function specifiersOf(text: string): string[] {
  return [...text.matchAll(STATEMENT)].map(([, still, dynamic]) => (still ?? dynamic)!);
}

function violationsOf({ from, specifier }: Import, house: House): string[] {
  const [name, room] = placeOf(from);
  if (name === undefined || house.packages[name] === undefined)
    return [`${from}: the plan of the house has no package for it`];
  const found: string[] = [];
  const isNode = (place: string) => house.node.includes(name) || house.node.includes(`${name}/${place}`);
  const inNode = isNode(room);
  if (NODE.test(specifier) && !inNode)
    found.push(`${from}: imports ${specifier}, and browsers run this file`);
  const other = specifier.match(/^@moviegen\/([\w-]+)/)?.[1] ?? specifier.match(/^(moviegen)(?:\/|$)/)?.[1];
  if (other !== undefined && !house.packages[name].includes(other))
    found.push(`${from}: package ${name} may not import ${other}`);
  if (!specifier.startsWith('.')) return found;
  const target = normalize(join(dirname(from), specifier));
  const [owner, there] = placeOf(target);
  if (owner !== name) return [...found, `${from}: reaches into ${target}: import a package by its name`];
  if (!inNode && isNode(there))
    found.push(`${from}: imports ${target}, which needs Node, and browsers run this file`);
  const [mine, its] = [floorOf(house, name, room), floorOf(house, name, there)];
  for (const [file, floor] of [
    [from, mine],
    [target, its],
  ] as const)
    if (floor === -1) found.push(`${file}: the plan of the house has no room for it`);
  if (house.rooms[name] && room !== there && mine !== -1 && its !== -1 && mine >= its)
    found.push(`${from}: an arrow that runs upward, from ${name}/${room} to ${name}/${there}`);
  return found;
}

/** A package without a list of rooms is one room. */
function floorOf({ rooms }: House, name: string, room: string): number {
  return rooms[name] ? rooms[name].findIndex((line) => line.split(' ').includes(room)) : 0;
}

/** The package and the room of a file: the folder below `src`, or the name of a file that lies in `src` itself. */
function placeOf(file: string): [name: string | undefined, room: string] {
  const [, name, rest = ''] = file.match(/^packages\/([^/]+)\/src\/(.+)$/) ?? [];
  return [name, rest.split('/')[0]!.replace(/\.ts$/, '')];
}

/** Circles of files. Each is listed once, from its alphabetically first file on. */
function circles(files: readonly string[], imports: readonly Import[]): string[][] {
  const known = new Set(files);
  const next = new Map<string, string[]>(files.map((file) => [file, []]));
  for (const { from, specifier } of imports) {
    const target = normalize(join(dirname(from), specifier));
    if (specifier.startsWith('.') && known.has(target)) next.get(from)!.push(target);
  }
  const found: string[][] = [];
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (file: string): void => {
    const at = path.indexOf(file);
    if (at >= 0) found.push([...path.slice(at), file]);
    if (at >= 0 || done.has(file)) return;
    path.push(file);
    for (const target of next.get(file)!) visit(target);
    path.pop();
    done.add(file);
  };
  for (const file of [...files].sort()) visit(file);
  return found;
}
