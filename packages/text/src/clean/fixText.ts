// What `fix_text` of the library ftfy 6.3 (Robyn Speer) does to a text, but for the repair of mojibake, which needs
// a model of how people break encodings: "Ã©" stays.

import { unescapeWholeEntities, windows1252 } from './htmlEntities.ts';

/** Ligatures of Latin letters. */
const LIGATURES = new Map(
  Object.entries({
    Ĳ: 'IJ',
    ĳ: 'ij',
    ŉ: 'ʼn',
    Ǳ: 'DZ',
    ǲ: 'Dz',
    ǳ: 'dz',
    Ǆ: 'DŽ',
    ǅ: 'Dž',
    ǆ: 'dž',
    Ǉ: 'LJ',
    ǈ: 'Lj',
    ǉ: 'lj',
    Ǌ: 'NJ',
    ǋ: 'Nj',
    ǌ: 'nj',
    ﬀ: 'ff',
    ﬁ: 'fi',
    ﬂ: 'fl',
    ﬃ: 'ffi',
    ﬄ: 'ffl',
    ﬅ: 'ſt',
    ﬆ: 'st',
  }),
);

/** The steps in ftfy's order and under its names. */
const STEPS: readonly (readonly [RegExp, string | ((found: string) => string)])[] = [
  [/[\x80-\x9f]/g, (control) => windows1252(control.charCodeAt(0))], // fix_c1_controls
  [/[ĲĳŉǄ-ǌǱ-ǳﬀ-ﬆ]/g, (ligature) => LIGATURES.get(ligature)!], // fix_latin_ligatures
  [/[\u3000\uff01-\uffef]/g, (wide) => wide.normalize('NFKC')], // fix_character_width
  [/[\u201c-\u201f]/g, '"'], // uncurl_quotes
  [/[\u02bc\u2018-\u201b]/g, "'"],
  [/\r\n|[\r\x85\u2028\u2029]/g, '\n'], // fix_line_breaks
  [/\p{Surrogate}/gu, '\ufffd'], // fix_surrogates: pairs are one character already
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is removed.
  [/\x1b\[[\p{Nd};]*[a-zA-Z]/gu, ''], // remove_terminal_escapes
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is removed.
  [/[\x00-\x08\x0b\x0e-\x1f\x7f\u206a-\u206f\ufeff\ufff9-\ufffc]/g, ''], // remove_control_chars
];

/** `ftfy.fix_text(text)` without the repair of mojibake. */
export function fixText(text: string): string {
  let entities = true; // until the first line with a "<", which looks like HTML that is meant
  const lines = text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
  return lines
    .map((line) => {
      entities &&= !line.includes('<');
      return fixLine(line, entities);
    })
    .join('');
}

/** All steps, until none changes anything. */
function fixLine(line: string, entities: boolean): string {
  for (let before = line; ; before = line) {
    if (entities) line = unescapeWholeEntities(line);
    for (const [pattern, fixed] of STEPS) line = line.replace(pattern, fixed as string);
    line = line.normalize('NFC');
    if (line === before) return line;
  }
}
