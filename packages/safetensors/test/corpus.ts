// Malformed files, each with its error message, and unusual files that are valid. Nothing here reads or writes.

/** A file made of a header text (or bytes) and data bytes. */
export function fileOf(
  header: string | Uint8Array,
  data: number | Uint8Array = 0,
  length?: bigint,
): Uint8Array {
  const text = typeof header === 'string' ? new TextEncoder().encode(header) : header;
  const bytes = typeof data === 'number' ? new Uint8Array(data) : data;
  const file = new Uint8Array(8 + text.length + bytes.length);
  new DataView(file.buffer).setBigUint64(0, length ?? BigInt(text.length), true);
  file.set(text, 8);
  file.set(bytes, 8 + text.length);
  return file;
}

const f32 = (shape: string, begin: number | string, end: number | string, more = '') =>
  `{"dtype":"F32","shape":${shape},"data_offsets":[${begin},${end}]${more}}`;
const one = f32('[1]', 0, 4);
const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);

/** [what is wrong, the file, its message after `safetensors open memory: `]. */
export const malformed: readonly (readonly [string, Uint8Array, string])[] = [
  [
    'empty file',
    new Uint8Array(0),
    'the file is too short to hold a header length: got 0 bytes, expected at least 8',
  ],
  [
    'seven bytes',
    new Uint8Array(7),
    'the file is too short to hold a header length: got 7 bytes, expected at least 8',
  ],
  [
    'header beyond 100 MB',
    fileOf('{}', 0, 100_000_001n),
    'the header is too large: got 100,000,001 bytes, expected at most 100,000,000 (is this a safetensors file?)',
  ],
  [
    'header of 2^64 - 1',
    fileOf('{}', 0, 2n ** 64n - 1n),
    'the header is too large: got 18,446,744,073,709,551,615 bytes, expected at most 100,000,000 (is this a safetensors file?)',
  ],
  [
    'header longer than the file',
    fileOf('{}', 0, 3n),
    'the file ends inside its header: got 10 bytes, expected at least 11 (the download or copy is incomplete: fetch it again)',
  ],
  [
    'no header',
    fileOf(''),
    "the header does not begin with '{': got an empty header, expected a JSON object",
  ],
  ['an array', fileOf('[]'), "the header does not begin with '{': got byte 0x5b, expected a JSON object"],
  [
    'leading space',
    fileOf(' {}'),
    "the header does not begin with '{': got byte 0x20, expected a JSON object",
  ],
  [
    'byte order mark',
    fileOf('\ufeff{}'),
    "the header does not begin with '{': got byte 0xef, expected a JSON object",
  ],
  ['not UTF-8', fileOf(new Uint8Array([0x7b, 0xff, 0x7d])), 'the header is not UTF-8'],
  [
    'UTF-8 of a surrogate',
    fileOf(new Uint8Array([0x7b, 0x22, 0xed, 0xa0, 0x80, 0x22])),
    'the header is not UTF-8',
  ],
  ['no end', fileOf('{'), 'the header is not JSON: a key is missing (character 1)'],
  ['no closing brace', fileOf(`{"a":${one}`), 'the header is not JSON: the text ends early (character 53)'],
  [
    'text behind',
    fileOf(`{"a":${one}}x`, 4),
    'the header is not JSON: text after the end of the value (character 54)',
  ],
  [
    'zeros behind',
    fileOf(`{"a":${one}}\0`, 4),
    'the header is not JSON: text after the end of the value (character 54)',
  ],
  ['comma at the end', fileOf(`{"a":${one},}`, 4), 'the header is not JSON: a key is missing (character 54)'],
  ['no comma', fileOf(`{"a":${one}"b":${one}}`, 4), "the header is not JSON: ',' is missing (character 53)"],
  ['no colon', fileOf('{"a"}'), "the header is not JSON: ':' is missing (character 4)"],
  ['bare key', fileOf('{a:1}'), 'the header is not JSON: a key is missing (character 1)'],
  ['single quotes', fileOf("{'a':1}"), 'the header is not JSON: a key is missing (character 1)'],
  ['comment', fileOf('{/**/}'), 'the header is not JSON: a key is missing (character 1)'],
  ['NaN', fileOf('{"a":NaN}'), 'the header is not JSON: a value is missing (character 5)'],
  ['leading zero', fileOf('{"a":01}'), 'the header is not JSON: not a number (character 5)'],
  ['plus', fileOf('{"a":+1}'), 'the header is not JSON: a value is missing (character 5)'],
  ['number without digits', fileOf('{"a":1.}'), 'the header is not JSON: not a number (character 5)'],
  [
    'number out of range',
    fileOf('{"a":1e999}'),
    'the header is not JSON: a number out of range (character 10)',
  ],
  ['string without end', fileOf('{"a'), 'the header is not JSON: a string has no end (character 3)'],
  [
    'control character',
    fileOf('{"a\n":1}'),
    'the header is not JSON: a control character in a string (character 3)',
  ],
  [
    'unknown escape',
    fileOf('{"\\x":1}'),
    'the header is not JSON: an unknown escape in a string (character 2)',
  ],
  [
    'short escape',
    fileOf('{"\\u12":1}'),
    'the header is not JSON: an unknown escape in a string (character 2)',
  ],
  [
    'high surrogate alone',
    fileOf('{"\\ud800":1}'),
    'the header is not JSON: half a surrogate pair in a string (character 8)',
  ],
  [
    'low surrogate alone',
    fileOf('{"\\udc00":1}'),
    'the header is not JSON: half a surrogate pair in a string (character 8)',
  ],
  [
    'two high surrogates',
    fileOf('{"\\ud800\\ud800":1}'),
    'the header is not JSON: half a surrogate pair in a string (character 14)',
  ],
  [
    'too deep',
    fileOf(`{"a":${nested(200)}}`),
    'the header is not JSON: more than 128 levels (character 132)',
  ],
  [
    'a name twice',
    fileOf(`{"a":${one},"a":${one}}`, 4),
    'the header is not JSON: the key "a" appears twice (character 54)',
  ],
  [
    'a name twice, once escaped',
    fileOf(`{"a":${one},"\\u0061":${one}}`, 4),
    'the header is not JSON: the key "a" appears twice (character 54)',
  ],
  [
    'a field twice',
    fileOf(`{"a":${f32('[1]', 0, 4, ',"dtype":"F32"')}}`, 4),
    'the header is not JSON: the key "dtype" appears twice (character 53)',
  ],
  [
    'metadata twice',
    fileOf('{"__metadata__":{},"__metadata__":{}}'),
    'the header is not JSON: the key "__metadata__" appears twice (character 19)',
  ],
  [
    'a metadata key twice',
    fileOf('{"__metadata__":{"a":"b","a":"c"}}'),
    'the header is not JSON: the key "a" appears twice (character 25)',
  ],
  ['metadata is not an object', fileOf('{"__metadata__":[]}'), '__metadata__ is not an object: got an array'],
  [
    'metadata number',
    fileOf('{"__metadata__":{"a":1}}'),
    '__metadata__ "a" is not a string: got the number 1, expected a string',
  ],
  [
    'metadata null value',
    fileOf('{"__metadata__":{"a":null}}'),
    '__metadata__ "a" is not a string: got null, expected a string',
  ],
  [
    'tensor no object',
    fileOf('{"a":1}'),
    'tensor "a": not a description: got the number 1, expected an object',
  ],
  [
    'tensor as an array',
    fileOf('{"a":["F32",[1],[0,4]]}', 4),
    'tensor "a": not a description: got an array, expected an object',
  ],
  [
    'no dtype',
    fileOf('{"a":{"shape":[1],"data_offsets":[0,4]}}', 4),
    'tensor "a": no dtype: got nothing, expected one of BOOL F4 F6_E2M3 F6_E3M2 U8 I8 F8_E5M2 F8_E4M3 F8_E8M0 F8_E4M3FNUZ F8_E5M2FNUZ I16 U16 F16 BF16 I32 U32 F32 C64 F64 I64 U64',
  ],
  [
    'unknown dtype',
    fileOf('{"a":{"dtype":"f32","shape":[1],"data_offsets":[0,4]}}', 4),
    'tensor "a": unknown dtype: got "f32", expected one of BOOL F4 F6_E2M3 F6_E3M2 U8 I8 F8_E5M2 F8_E4M3 F8_E8M0 F8_E4M3FNUZ F8_E5M2FNUZ I16 U16 F16 BF16 I32 U32 F32 C64 F64 I64 U64',
  ],
  [
    'dtype out of a prototype',
    fileOf('{"a":{"dtype":"constructor","shape":[1],"data_offsets":[0,4]}}', 4),
    'tensor "a": unknown dtype: got "constructor", expected one of BOOL F4 F6_E2M3 F6_E3M2 U8 I8 F8_E5M2 F8_E4M3 F8_E8M0 F8_E4M3FNUZ F8_E5M2FNUZ I16 U16 F16 BF16 I32 U32 F32 C64 F64 I64 U64',
  ],
  [
    'no shape',
    fileOf('{"a":{"dtype":"F32","data_offsets":[0,4]}}', 4),
    'tensor "a": no shape: got nothing, expected an array of sizes',
  ],
  [
    'negative size',
    fileOf(`{"a":${f32('[-1]', 0, 4)}}`, 4),
    'tensor "a": not a size in shape: got the number -1, expected an integer of 0 or more',
  ],
  [
    'minus zero',
    fileOf(`{"a":${f32('[-0]', 0, 0)}}`),
    'tensor "a": not a size in shape: got a number not written as an integer (-0), expected an integer of 0 or more',
  ],
  [
    'size with a fraction',
    fileOf(`{"a":${f32('[1.0]', 0, 4)}}`, 4),
    'tensor "a": not a size in shape: got a number not written as an integer (1), expected an integer of 0 or more',
  ],
  [
    'size as a string',
    fileOf(`{"a":${f32('["1"]', 0, 4)}}`, 4),
    'tensor "a": not a size in shape: got the string "1", expected an integer of 0 or more',
  ],
  [
    'size beyond 64 bits',
    fileOf(`{"a":${f32('[0,18446744073709551616]', 0, 0)}}`),
    'tensor "a": not a size in shape: got the number 18446744073709551616, expected an integer of 0 or more',
  ],
  [
    'no offsets',
    fileOf('{"a":{"dtype":"F32","shape":[1]}}', 4),
    'tensor "a": data_offsets are not [begin, end]: got nothing, expected two integers',
  ],
  [
    'three offsets',
    fileOf('{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4,4]}}', 4),
    'tensor "a": data_offsets are not [begin, end]: got 3 numbers, expected two integers',
  ],
  [
    'offset with an exponent',
    fileOf(`{"a":${f32('[1]', 0, '4e0')}}`, 4),
    'tensor "a": data_offsets are not [begin, end]: got the number 0 and a number not written as an integer (4), expected two integers of 0 or more',
  ],
  [
    'offsets backwards',
    fileOf(`{"a":${f32('[1]', 4, 0)}}`, 4),
    'tensor "a": data_offsets run backwards: got [4, 0], expected begin <= end',
  ],
  [
    'hole at the start',
    fileOf(`{"a":${f32('[1]', 4, 8)}}`, 8),
    'tensor "a": data_offsets leave a gap before this tensor: got [4, 8], expected a begin of 0',
  ],
  [
    'hole between',
    fileOf(`{"a":${one},"b":${f32('[1]', 8, 12)}}`, 12),
    'tensor "b": data_offsets leave a gap before this tensor: got [8, 12], expected a begin of 4',
  ],
  [
    'overlap',
    fileOf(`{"a":${f32('[2]', 0, 8)},"b":${f32('[1]', 4, 8)}}`, 8),
    'tensor "b": data_offsets overlap the data of tensor "a": got [4, 8], expected a begin of 8',
  ],
  [
    'shared bytes',
    fileOf(`{"a":${one},"b":${one}}`, 4),
    'tensor "b": data_offsets overlap the data of tensor "a": got [0, 4], expected a begin of 4',
  ],
  [
    'size and offsets',
    fileOf(`{"a":${f32('[2,2]', 0, 4)}}`, 4),
    'tensor "a": data_offsets disagree with F32 [2, 2]: got 4 bytes, expected 16',
  ],
  [
    'scalar without bytes',
    fileOf(`{"a":${f32('[]', 0, 0)}}`),
    'tensor "a": data_offsets disagree with F32 []: got 0 bytes, expected 4',
  ],
  [
    'elements overflow',
    fileOf(`{"a":${f32('[2,18446744073709551614]', 0, 16)}}`, 16),
    'tensor "a": its size overflows 64 bits: got F32 [2, 18446744073709551614]',
  ],
  [
    'bits overflow',
    fileOf(`{"a":${f32('[2,4611686018427387904]', 0, 16)}}`, 16),
    'tensor "a": its size overflows 64 bits: got F32 [2, 4611686018427387904]',
  ],
  [
    'overflow before a zero',
    fileOf(`{"a":${f32('[18446744073709551615,2,0]', 0, 0)}}`),
    'tensor "a": its size overflows 64 bits: got F32 [18446744073709551615, 2, 0]',
  ],
  [
    'odd number of F4',
    fileOf('{"a":{"dtype":"F4","shape":[3],"data_offsets":[0,2]}}', 2),
    'tensor "a": its elements do not fill whole bytes: got F4 [3]',
  ],
  [
    'three F6',
    fileOf('{"a":{"dtype":"F6_E2M3","shape":[3],"data_offsets":[0,3]}}', 3),
    'tensor "a": its elements do not fill whole bytes: got F6_E2M3 [3]',
  ],
  [
    'beyond JavaScript',
    fileOf(`{"a":${f32('[0,9007199254740992]', 0, 0)}}`),
    'shape of tensor "a" is too large for JavaScript to count exactly: got 9,007,199,254,740,992, expected at most 9,007,199,254,740,991',
  ],
  [
    'bytes behind the last tensor',
    fileOf(`{"a":${one}}`, 5),
    'bytes that belong to no tensor follow the last one: got 67 bytes, expected 66 by its header',
  ],
  [
    'bytes without a tensor',
    fileOf('{}', 1),
    'bytes that belong to no tensor follow the last one: got 11 bytes, expected 10 by its header',
  ],
  [
    'data cut',
    fileOf(`{"a":${one}}`, 3),
    'the file ends early: got 65 bytes, expected 66 by its header (the download or copy is incomplete: fetch it again)',
  ],
  [
    'a name full of tricks',
    fileOf(`{"\\u001b[2J\\u202e":${f32('[2]', 0, 4)}}`, 4),
    'tensor "\\u001b[2J\\u202e": data_offsets disagree with F32 [2]: got 4 bytes, expected 8',
  ],
];

/** Unusual files that the official reader accepts: [what is unusual, the file, its names]. */
export const wellFormed: readonly (readonly [string, Uint8Array, readonly string[]])[] = [
  ['no tensors', fileOf('{}'), []],
  ['no tensors, spaces behind', fileOf('{}      '), []],
  ['other white space behind', fileOf('{}\r \t\n'), []],
  ['metadata only', fileOf('{"__metadata__":{"a":"b"}}'), []],
  ['metadata null', fileOf(`{"__metadata__":null,"a":${one}}`, 4), ['a']],
  ['metadata last', fileOf(`{"a":${one},"__metadata__":{"x":"y"}}`, 4), ['a']],
  ['white space inside', fileOf(`{ "a" :\n${one.replaceAll(',', ' ,\t')}}`, 4), ['a']],
  [
    'unknown fields',
    fileOf(`{"a":${f32('[1]', 0, 4, ',"x":[true,false,null,-1.5e3,"\\u00e9",{}]')}}`, 4),
    ['a'],
  ],
  ['data in another order', fileOf(`{"b":${f32('[1]', 4, 8)},"a":${one}}`, 8), ['a', 'b']],
  ['zero-size', fileOf(`{"z":${f32('[2,0]', 0, 0)}}`), ['z']],
  [
    'zero-size between',
    fileOf(`{"b":${f32('[1]', 4, 8)},"z":${f32('[0]', 4, 4)},"a":${one}}`, 8),
    ['a', 'z', 'b'],
  ],
  ['zero-size beside a large size', fileOf(`{"z":${f32('[0,9007199254740991]', 0, 0)}}`), ['z']],
  ['0-rank', fileOf(`{"s":${f32('[]', 0, 4)}}`, 4), ['s']],
  ['empty name', fileOf(`{"":${one}}`, 4), ['']],
  ['__proto__', fileOf(`{"__proto__":${one}}`, 4), ['__proto__']],
  ['a path', fileOf(`{"../../etc/passwd":${one}}`, 4), ['../../etc/passwd']],
  ['escaped name', fileOf(`{"\\ud83d\\ude00\\/\\b\\f\\n\\r\\t\\"\\\\":${one}}`, 4), ['😀/\b\f\n\r\t"\\']],
  ['odd length of header', fileOf(`{"a":${one}}  `, 4), ['a']],
  ['two F4', fileOf('{"a":{"dtype":"F4","shape":[2],"data_offsets":[0,1]}}', 1), ['a']],
  ['four F6', fileOf('{"a":{"dtype":"F6_E3M2","shape":[4],"data_offsets":[0,3]}}', 3), ['a']],
];
