// What the main process does for the renderer, which has it as `window.bridge`.

export interface Bridge {
  /** The bytes of a checkpoint's file; undefined if there is none. */
  size(folder: string, name: string): Promise<number | undefined>;
  read(folder: string, name: string, start: number, end: number): Promise<Uint8Array<ArrayBuffer>>;
  /** Where the video was written; undefined if nobody wanted it. */
  save(video: Uint8Array): Promise<string | undefined>;
}

declare global {
  interface Window {
    readonly bridge: Bridge;
  }
}
