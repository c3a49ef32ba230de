// What can go wrong, in words for people: a title, what happened, and what to do.

export type ProblemCode =
  | 'insecure'
  | 'no-webgpu'
  | 'no-adapter'
  | 'device-lost'
  | 'out-of-memory'
  | 'checkpoint-unreachable'
  | 'checkpoint-damaged'
  | 'storage-full'
  | 'no-such-model'
  | 'gated'
  | 'token'
  | 'limited'
  | 'wrong-input'
  | 'wrong-file'
  | 'lora'
  | 'no-encoder'
  | 'server'
  | 'key'
  | 'cancelled'
  | 'internal';

/** Something that went wrong. */
export interface Problem {
  readonly code: ProblemCode;
  /** The error's own words. */
  readonly message: string;
}

/** A problem in words. */
export interface Advice {
  readonly title: string;
  readonly advice: string;
  /** Whether it makes sense to try the same again. */
  readonly again: boolean;
}

/** Each problem's words. */
export const ADVICE: Readonly<Record<ProblemCode, Advice>> = {
  insecure: {
    title: 'This address is not secure, so the browser hides the GPU',
    advice: 'Open the page over https, or from localhost.',
    again: false,
  },
  'no-webgpu': {
    title: 'This browser has no WebGPU',
    advice:
      'Use a current Chrome, Edge, Safari 26 or Firefox on a computer, or switch WebGPU on in the settings of this one (on Linux: chrome://flags, “Unsafe WebGPU Support”).',
    again: false,
  },
  'no-adapter': {
    title: 'No graphics adapter can be used',
    advice:
      'Switch hardware acceleration on in the browser’s settings, update the graphics driver, then start the browser again. chrome://gpu says what is missing.',
    again: true,
  },
  'device-lost': {
    title: 'The graphics device was lost',
    advice:
      'The driver was restarted, the computer slept, or another program needed the GPU. Generate again: a new device is opened. A smaller size helps if it happens every time.',
    again: true,
  },
  'out-of-memory': {
    title: 'The graphics memory is too small for this video',
    advice: 'Choose a smaller size or fewer frames, or close other programs that use the GPU.',
    again: true,
  },
  'checkpoint-unreachable': {
    title: 'The model could not be fetched',
    advice: 'Check the connection, then try again. What has arrived is kept.',
    again: true,
  },
  'checkpoint-damaged': {
    title: 'The model arrived damaged',
    advice:
      'Its checksum is wrong, so it was not kept. Try again; if it stays so, the files on the server differ from its list of checksums.',
    again: true,
  },
  'storage-full': {
    title: 'The browser’s storage is full',
    advice:
      'Remove videos from the strip below, or free disk space. What is on screen stays until the page is closed: download it.',
    again: false,
  },
  'no-such-model': {
    title: 'The hub has no such model',
    advice: 'Check its spelling. If it is private, give a token of an account that may read it.',
    again: false,
  },
  gated: {
    title: 'This model is gated',
    advice: 'Accept its terms on its page at the hub, then give a token of the account that has.',
    again: false,
  },
  token: {
    title: 'The hub wants another token',
    advice: 'Give one that has not expired, of an account that may read this model.',
    again: false,
  },
  limited: {
    title: 'The hub asks to wait',
    advice: 'Try again later. What has arrived is kept; with a token the hub allows more.',
    again: true,
  },
  'wrong-input': { title: 'This cannot be made', advice: 'Change the settings and try again.', again: false },
  'wrong-file': {
    title: 'This file cannot be read',
    advice: 'Give a PNG, JPEG, WebP, AVIF or GIF picture, or an mp4, webm or mov video.',
    again: false,
  },
  lora: {
    title: 'This LoRA cannot be used',
    advice: 'Leave it out, or open the model that it was made for.',
    again: false,
  },
  'no-encoder': {
    title: 'This browser cannot write that file',
    advice: 'Download the gif instead; mp4 needs WebCodecs with H.264, VP9 or AV1.',
    again: false,
  },
  server: {
    title: 'The server did not make the video',
    advice:
      'Is it running, and does it let pages of this address ask (moviegen serve --allow-origin)? Then try again.',
    again: true,
  },
  key: {
    title: 'The server asks for an API key',
    advice: 'Type it below, at “API key”: one of those that its operator has made.',
    again: true,
  },
  cancelled: { title: 'Cancelled', advice: 'Nothing was kept.', again: true },
  internal: {
    title: 'Something went wrong that should not',
    advice: 'Try again. If it happens every time, please report it with the text below.',
    again: true,
  },
};

/** A problem as an error, so that it can be thrown. */
export class ProblemError extends Error {
  override readonly name = 'ProblemError';
  readonly code: ProblemCode;
  constructor(code: ProblemCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** The problem behind an error. Errors of the packages are recognised by their names. */
export function problemOf(error: unknown): Problem {
  const { name, message } = error instanceof Error ? error : { name: '', message: String(error) };
  if (error instanceof ProblemError) return { code: error.code, message };
  const code = CODES[name] ?? (/nothing here encodes/.test(message) ? 'no-encoder' : undefined);
  return { code: code ?? 'internal', message };
}

const CODES: Readonly<Record<string, ProblemCode>> = {
  AbortError: 'cancelled',
  InputError: 'wrong-input',
  DeviceLostError: 'device-lost',
  OutOfMemoryError: 'out-of-memory',
  NoAdapterError: 'no-adapter',
  QuotaExceededError: 'storage-full',
  CheckpointError: 'checkpoint-damaged',
  SafetensorsError: 'checkpoint-damaged',
};
