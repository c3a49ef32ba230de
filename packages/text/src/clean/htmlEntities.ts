// Entities of HTML become characters, in two ways: as Python's html.unescape does it (the rules of HTML5, names without a
// semicolon too), and more carefully, as ftfy does it. The table of names is the library's.

import { decodeHTML, decodeHTMLStrict } from 'entities';

/** Bytes 0x80 to 0x9f in Windows-1252; the five that it lacks as in Latin-1. (Node's own TextDecoder takes it for Latin-1.) */
const WINDOWS_1252 = '€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ';

/** The character of a byte from 0x80 to 0x9f in Windows-1252. */
export const windows1252 = (byte: number): string => WINDOWS_1252[byte - 0x80]!;

/** `html.unescape` of Python 3. */
export function unescapeHtml(text: string): string {
  return text.replace(
    /&(#[0-9]+;?|#[xX][0-9a-fA-F]+;?|[^\t\n\f <&#;]{1,32};?)/gu,
    (whole, [hash, x]: string) => {
      if (hash !== '#') return decodeHTML(whole);
      const hex = x === 'x' || x === 'X';
      return character(hex ? Number.parseInt(whole.slice(3), 16) : Number.parseInt(whole.slice(2), 10));
    },
  );
}

/** The character of a number; none where HTML5 allows none. */
function character(code: number): string {
  if (code >= 0x80 && code <= 0x9f) return windows1252(code);
  if (code === 0 || (code >= 0xd800 && code <= 0xdfff) || code > 0x10ffff) return '\ufffd';
  const control = (code < 0x20 && ![9, 10, 12, 13].includes(code)) || code === 0x7f;
  const none = (code >= 0xfdd0 && code <= 0xfdef) || (code & 0xfffe) === 0xfffe;
  return control || none ? '' : String.fromCodePoint(code);
}

/**
 * `unescape_html` of ftfy: only entities that end with a semicolon, which leaves "this&not that" alone; names of small letters in
 * capitals as well, where that is no other name: `P&EACUTE;REZ`.
 */
export function unescapeWholeEntities(text: string): string {
  return text.replace(/&#?[0-9A-Za-z]{1,24};/g, (entity) => {
    if (entity.startsWith('&#')) {
      const unescaped = unescapeHtml(entity);
      return unescaped.includes(';') ? entity : unescaped;
    }
    const named = decodeHTMLStrict(entity);
    if (named !== entity || entity !== entity.toUpperCase() || unescapeHtml(entity) !== entity) return named;
    const small = entity.toLowerCase();
    const letter = decodeHTMLStrict(small);
    return letter === small ? entity : letter.toUpperCase();
  });
}
