// What the page and the worker say to each other.

export type Request = { make: { checkpoint: string; prompt: string; seed: number } } | { stop: true };

export type Answer = { progress: string } | { video: Uint8Array<ArrayBuffer> } | { error: string };
