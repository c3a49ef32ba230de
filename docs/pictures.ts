// Draws the pictures of the site that follow from data: the packages and rooms out of the plan of the house (test/house/house.ts), and
// the rooflines out of bench/results. `npm run docs:pictures` writes them; a test checks that they are current.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { adapterName, type Report, rooflineSvg } from '@moviegen/bench';
import { house } from '../test/house/house.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

/** Every picture, by its path from the root of the repository. */
export function pictures(): Readonly<Record<string, string>> {
  return {
    'docs/pictures/packages.svg': packagesSvg(house.packages),
    'docs/pictures/rooms-moviegen.svg': roomsSvg('moviegen', house.rooms.moviegen!),
    'docs/pictures/rooms-tensor.svg': roomsSvg('tensor', house.rooms.tensor!),
    ...Object.fromEntries(
      ['swiftshader-f32', 'llvmpipe-f32', 'llvmpipe-f16'].map((name) => [
        `docs/pictures/roofline-${name}.svg`,
        roofline(JSON.parse(readFileSync(join(root, `bench/results/${name}.json`), 'utf8'))),
      ]),
    ),
  };
}

function roofline({ adapter, ceilings, results }: Report): string {
  return rooflineSvg({ title: adapterName(adapter), ceilings: ceilings!, points: results });
}

const [BOX, GAP, ROW, HIGH] = [118, 20, 92, 40] as const;

const opened = (width: number, height: number, title: string): string =>
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" ` +
  `font-family="sans-serif" font-size="14" fill="#1f2937" role="img"><title>${title}</title>` +
  `<rect width="100%" height="100%" fill="#fff"/>`;

const box = (x: number, y: number, width: number, text: string): string =>
  `<rect x="${x}" y="${y}" width="${width}" height="${HIGH}" rx="6" fill="#eef2ff" stroke="#3b5bdb"/>` +
  `<text x="${x + width / 2}" y="${y + HIGH / 2 + 5}" text-anchor="middle">${text}</text>`;

/** Packages below everything that imports them, each just above what it imports itself; arrows that follow from others are left out. */
function packagesSvg(imports: Readonly<Record<string, readonly string[]>>): string {
  const names = Object.keys(imports);
  const importers = (name: string) => names.filter((other) => imports[other]!.includes(name));
  const depth = (name: string): number => Math.max(0, ...importers(name).map((other) => 1 + depth(other)));
  const reaches = (from: string, to: string): boolean =>
    imports[from]!.some((next) => next === to || reaches(next, to));
  const lines: string[][] = [];
  for (const name of names) {
    const below = imports[name]!.map(depth);
    const at = below.length === 0 ? depth(name) : Math.min(...below) - 1;
    lines[at] = [...(lines[at] ?? []), name];
  }
  const width = GAP + Math.max(...lines.map(({ length }) => length)) * (BOX + GAP);
  const height = (lines.length - 1) * ROW + HIGH + 2 * GAP;
  const places = new Map(
    lines.flatMap((line, row) =>
      line.map((name, column): [string, { x: number; y: number }] => {
        const start = (width - line.length * (BOX + GAP) + GAP) / 2;
        return [name, { x: start + column * (BOX + GAP), y: GAP + row * ROW }];
      }),
    ),
  );
  const arrows = names.flatMap((from) =>
    imports[from]!.filter((to) => !imports[from]!.some((other) => other !== to && reaches(other, to))).map(
      (to) => {
        const [a, b] = [places.get(from)!, places.get(to)!];
        const [x1, y1, x2, y2] = [a.x + BOX / 2, a.y + HIGH, b.x + BOX / 2, b.y - 3];
        const bend = (y2 - y1) / 2;
        // One that passes a line of boxes goes sideways first.
        const [x, y] = y2 - y1 > ROW ? [x2, y1 + 10] : [x1, y1 + bend];
        return `<path d="M${x1} ${y1}C${x} ${y} ${x2} ${y2 - bend} ${x2} ${y2}" fill="none" stroke="#6b7280" marker-end="url(#arrow)"/>`;
      },
    ),
  );
  return [
    opened(width, height, 'The packages, and what each imports'),
    '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" fill="#6b7280"/></marker></defs>',
    ...arrows,
    ...[...places].map(([name, { x, y }]) => box(x, y, BOX, name)),
    '</svg>\n',
  ].join('\n');
}

/** The rooms of a package, a line of boxes for each line of the plan. */
function roomsSvg(name: string, rooms: readonly string[]): string {
  const widthOf = (room: string): number => 24 + 8.4 * room.length;
  const lines = rooms.map((line) => line.split(' '));
  const widths = lines.map((line) => line.reduce((sum, room) => sum + widthOf(room) + GAP, -GAP));
  const width = Math.ceil(Math.max(...widths) + 2 * GAP);
  const step = HIGH + 14;
  const drawn = lines.flatMap((line, row) => {
    let x = (width - widths[row]!) / 2;
    return line.map((room) => {
      const one = box(Math.round(x), GAP + row * step, Math.round(widthOf(room)), room);
      x += widthOf(room) + GAP;
      return one;
    });
  });
  const height = GAP * 2 + lines.length * step - 14;
  return [
    opened(width, height, `The rooms of the package ${name}, from top to bottom`),
    ...drawn,
    '</svg>\n',
  ].join('\n');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [path, text] of Object.entries(pictures())) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
    console.log(path);
  }
}
